//! wasi:http 0.2: what comes in: the request, the responses of requests that were sent, bodies.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::Result;

use crate::bindings::p2::wasi::http::types::{
    ErrorCode, HostFutureTrailers, HostIncomingBody, HostIncomingRequest, HostIncomingResponse,
    Method, Scheme,
};
use crate::call::trap;
use crate::fields::{bytes_of, optional_span, read_fields, Fields};
use crate::host::{Callbacks, Held, Host};
use crate::p2::{method_of, scheme_of};
use crate::streams::{self, InputStream, Pollable, GONE_CALL, REQUEST_BODY};
use crate::types::GodwitRequestHead;

/// There is one for an invocation; what it tells is C++'s.
#[derive(Default)]
pub struct IncomingRequest {
    headers: Option<Fields>,
    consumed: bool,
    /// It was answered, and the guest is answering another.
    pub(crate) is_over: bool,
}

/// A request on its way, as long as anybody holds it.
pub struct Call {
    number: AtomicU32,
    callbacks: Callbacks,
    _held: Held,
}

impl Call {
    pub fn new(number: u32, callbacks: Callbacks, held: Held) -> Arc<Call> {
        Arc::new(Call { number: AtomicU32::new(number), callbacks, _held: held })
    }
}

impl Call {
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// C++ has ended it: its number may be another's.
    pub(crate) fn forget(&self) {
        self.number.store(GONE_CALL, Ordering::Relaxed);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.number() != GONE_CALL {
            (self.callbacks.functions.drop_call)(self.callbacks.context, self.number());
        }
    }
}

pub struct IncomingResponse {
    pub(crate) call: Arc<Call>,
    pub(crate) status: u16,
    pub(crate) headers: Option<Fields>,
    pub(crate) consumed: bool,
}

pub struct IncomingBody {
    pub(crate) stream: u32,
    taken: bool,
    pub(crate) call: Option<Arc<Call>>,
}

pub struct FutureTrailers {
    pub(crate) stream: u32,
    told: bool,
    pub(crate) call: Option<Arc<Call>>,
}

pub fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A request's head without anything in it.
pub fn empty_head() -> GodwitRequestHead {
    GodwitRequestHead {
        method: optional_span(None),
        scheme: optional_span(None),
        authority: optional_span(None),
        path_with_query: optional_span(None),
        fields: std::ptr::null(),
        field_count: 0,
        connect_timeout: 0,
        first_byte_timeout: 0,
        between_bytes_timeout: 0,
    }
}

impl Callbacks {
    pub(crate) fn request(&self) -> Result<GodwitRequestHead> {
        let mut head = empty_head();
        if !(self.functions.request)(self.context, &mut head) {
            return Err(trap("the run has no request"));
        }
        Ok(head)
    }

    pub(crate) fn trailers(&self, stream: u32) -> Vec<crate::fields::Entry> {
        read_fields(|index, out| (self.functions.trailer)(self.context, stream, index, out))
    }

    /// Its status, or a number of capability::OutboundFailure. None while it is pending; the
    /// instance is woken then.
    pub(crate) fn response(&self, call: u32) -> Option<std::result::Result<u16, u8>> {
        let (mut status, mut failure) = (0, 0);
        match (self.functions.wait_response)(self.context, call, &mut status, &mut failure) {
            0 => None,
            1 => Some(Ok(status)),
            _ => Some(Err(failure)),
        }
    }
}

impl Host {
    /// The request's, as a guest sees them.
    pub(crate) fn request_fields(&self) -> Result<Fields> {
        let callbacks = self.callbacks()?;
        let entries = read_fields(|index, out| {
            (callbacks.functions.request_field)(callbacks.context, index, out)
        });
        Fields::received(entries, &self.run)
    }

    pub(crate) fn response_fields(&self, call: u32) -> Result<Fields> {
        let callbacks = self.callbacks()?;
        let entries = read_fields(|index, out| {
            (callbacks.functions.response_field)(callbacks.context, call, index, out)
        });
        Fields::received(entries, &self.run)
    }
}

impl Host {
    fn head(&self, request: &Resource<IncomingRequest>) -> Result<GodwitRequestHead> {
        if self.table.get(request)?.is_over {
            return Err(trap("the request was answered long ago"));
        }
        self.callbacks()?.request()
    }
}

impl HostIncomingRequest for Host {
    fn method(&mut self, this: Resource<IncomingRequest>) -> Result<Method> {
        let head = self.head(&this)?;
        // SAFETY: C++'s spans of the request stay as long as the instance.
        Ok(method_of(unsafe { bytes_of(&head.method) }.unwrap_or_default()))
    }

    fn path_with_query(&mut self, this: Resource<IncomingRequest>) -> Result<Option<String>> {
        let head = self.head(&this)?;
        // SAFETY: as above.
        Ok(unsafe { bytes_of(&head.path_with_query) }.map(text_of))
    }

    fn scheme(&mut self, this: Resource<IncomingRequest>) -> Result<Option<Scheme>> {
        let head = self.head(&this)?;
        // SAFETY: as above.
        Ok(unsafe { bytes_of(&head.scheme) }.map(scheme_of))
    }

    fn authority(&mut self, this: Resource<IncomingRequest>) -> Result<Option<String>> {
        let head = self.head(&this)?;
        // SAFETY: as above.
        Ok(unsafe { bytes_of(&head.authority) }.map(text_of))
    }

    fn headers(&mut self, this: Resource<IncomingRequest>) -> Result<Resource<Fields>> {
        let headers = match self.table.get(&this)?.headers.clone() {
            Some(headers) => headers,
            None => {
                self.head(&this)?;
                let headers = self.request_fields()?;
                self.table.get_mut(&this)?.headers = Some(headers.clone());
                headers
            }
        };
        Ok(self.table.push_child(headers, &this)?)
    }

    fn consume(
        &mut self,
        this: Resource<IncomingRequest>,
    ) -> Result<std::result::Result<Resource<IncomingBody>, ()>> {
        let request = self.table.get_mut(&this)?;
        if request.is_over || std::mem::replace(&mut request.consumed, true) {
            return Ok(Err(()));
        }
        let body = IncomingBody { stream: REQUEST_BODY, taken: false, call: None };
        Ok(Ok(self.table.push(body)?))
    }

    fn drop(&mut self, this: Resource<IncomingRequest>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostIncomingResponse for Host {
    fn status(&mut self, this: Resource<IncomingResponse>) -> Result<u16> {
        Ok(self.table.get(&this)?.status)
    }

    fn headers(&mut self, this: Resource<IncomingResponse>) -> Result<Resource<Fields>> {
        let response = self.table.get(&this)?;
        let headers = match response.headers.clone() {
            Some(headers) => headers,
            None => {
                let headers = self.response_fields(response.call.number())?;
                self.table.get_mut(&this)?.headers = Some(headers.clone());
                headers
            }
        };
        Ok(self.table.push_child(headers, &this)?)
    }

    fn consume(
        &mut self,
        this: Resource<IncomingResponse>,
    ) -> Result<std::result::Result<Resource<IncomingBody>, ()>> {
        let response = self.table.get_mut(&this)?;
        if std::mem::replace(&mut response.consumed, true) {
            return Ok(Err(()));
        }
        let call = response.call.clone();
        let stream = streams::outbound_response_body(call.number());
        Ok(Ok(self.table.push(IncomingBody { stream, taken: false, call: Some(call) })?))
    }

    fn drop(&mut self, this: Resource<IncomingResponse>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostIncomingBody for Host {
    fn stream(
        &mut self,
        this: Resource<IncomingBody>,
    ) -> Result<std::result::Result<Resource<InputStream>, ()>> {
        let body = self.table.get_mut(&this)?;
        if std::mem::replace(&mut body.taken, true) {
            return Ok(Err(()));
        }
        let stream = InputStream::Numbered(body.stream);
        Ok(Ok(self.table.push_child(stream, &this)?))
    }

    fn finish(&mut self, this: Resource<IncomingBody>) -> Result<Resource<FutureTrailers>> {
        let body = self.table.delete(this)?;
        let future = FutureTrailers { stream: body.stream, told: false, call: body.call };
        Ok(self.table.push(future)?)
    }

    fn drop(&mut self, this: Resource<IncomingBody>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

type Trailers = std::result::Result<Option<Resource<Fields>>, ErrorCode>;

impl HostFutureTrailers for Host {
    fn subscribe(&mut self, this: Resource<FutureTrailers>) -> Result<Resource<Pollable>> {
        let stream = self.table.get(&this)?.stream;
        Ok(self.table.push_child(Pollable::AtEnd(stream), &this)?)
    }

    fn get(
        &mut self,
        this: Resource<FutureTrailers>,
    ) -> Result<Option<std::result::Result<Trailers, ()>>> {
        let callbacks = self.callbacks()?;
        let future = self.table.get_mut(&this)?;
        let stream = future.stream;
        if future.told {
            return Ok(Some(Err(())));
        }
        if !callbacks.drained(stream) {
            return Ok(None);
        }
        future.told = true;
        if let streams::Read::Failed = callbacks.read(stream, 1) {
            return Ok(Some(Ok(Err(callbacks.failure(stream)))));
        }
        let entries = callbacks.trailers(stream);
        if entries.is_empty() {
            return Ok(Some(Ok(Ok(None))));
        }
        let trailers = Fields::received(entries, &self.run)?;
        Ok(Some(Ok(Ok(Some(self.table.push(trailers)?)))))
    }

    fn drop(&mut self, this: Resource<FutureTrailers>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
