//! wasi:http 0.2: what goes out: the response, requests to others, bodies.
//!
//! A guest may write to a body before it is known where that goes: until then it is kept here, up
//! to UNBOUND_BYTES.

use std::sync::{Arc, Mutex};

use wasmtime::component::Resource;
use wasmtime::Result;

use crate::bindings::p2::wasi::http::outgoing_handler;
use crate::bindings::p2::wasi::http::types::{
    self, ErrorCode, HostFutureIncomingResponse, HostOutgoingBody, HostOutgoingRequest,
    HostOutgoingResponse, HostRequestOptions, HostResponseOutparam, Method, Scheme,
};
use crate::call::trap;
use crate::fields::{span, Fields};
use crate::host::{Callbacks, Held, Host};
use crate::incoming::{Call, IncomingResponse};
use crate::outbound_head::{
    is_authority, is_method, is_scheme, is_target, set_text, OutboundHead, RequestOptions,
    CALL_BYTES, MAX_TARGET_BYTES,
};
use crate::p2::{method_name, scheme_name};
use crate::streams::{
    self, lock, IoError, OutputStream, Pollable, StreamError, StreamResult, RESPONSE_BODY,
};

/// What a body takes before it is known where it goes.
const UNBOUND_BYTES: usize = 64 << 10;

/// How a body ended; remembered for one of which it is not known yet where it goes.
enum End {
    Open,
    Finished(Option<Fields>),
    Aborted,
}

pub struct Body {
    /// Where it goes, once that is known.
    stream: Option<u32>,
    kept: Vec<u8>,
    held: Held,
    declared: Option<u64>,
    written: u64,
    end: End,
    /// Kept alive: the request that this is the body of.
    call: Option<Arc<Call>>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "body of stream {:?}", self.stream)
    }
}

impl Body {
    fn new(held: Held, declared: Option<u64>) -> Arc<Mutex<Body>> {
        Arc::new(Mutex::new(Body {
            stream: None,
            kept: Vec::new(),
            held,
            declared,
            written: 0,
            end: End::Open,
            call: None,
        }))
    }

    fn is_over(&self) -> bool {
        !matches!(self.end, End::Open)
    }

    /// Nobody will ever take more of it: it is full, and it is not known where it goes.
    pub fn is_stuck(&self) -> bool {
        self.stream.is_none() && self.kept.len() == UNBOUND_BYTES
    }

    /// None when it is closed; 0 when it is full: the instance is woken when it is not.
    pub fn room(&self, callbacks: &Callbacks) -> Option<usize> {
        match self.stream {
            _ if self.is_over() => None,
            Some(stream) => callbacks.wait_writable(stream),
            None => Some(UNBOUND_BYTES - self.kept.len()),
        }
    }

    /// How much was taken.
    pub fn write(&mut self, callbacks: &Callbacks, bytes: &[u8]) -> StreamResult<usize> {
        if self.is_over() {
            return Err(StreamError::Closed);
        }
        let total = self.written.saturating_add(bytes.len() as u64);
        if let Some(declared) = self.declared.filter(|declared| total > *declared) {
            return Err(StreamError::Failed(IoError {
                text: format!("the body is longer than its Content-Length, {declared}"),
                http: Some(self.size_error(total)),
                ..IoError::default()
            }));
        }
        let taken = match self.stream {
            Some(stream) => callbacks.write(stream, bytes),
            None => self.keep(bytes)?,
        };
        self.written += taken as u64;
        Ok(taken)
    }

    fn keep(&mut self, bytes: &[u8]) -> StreamResult<usize> {
        if self.is_stuck() {
            return Err(StreamError::Trap(trap(STUCK)));
        }
        let taken = bytes.len().min(UNBOUND_BYTES - self.kept.len());
        if !self.held.grow(taken) {
            return Err(StreamError::Trap(trap("no memory is left for a body")));
        }
        self.kept.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Requests and responses have codes of their own.
    fn size_error(&self, bytes: u64) -> ErrorCode {
        match self.call {
            Some(_) => ErrorCode::HttpRequestBodySize(Some(bytes)),
            None => ErrorCode::HttpResponseBodySize(Some(bytes)),
        }
    }

    fn finish(&mut self, callbacks: &Callbacks, trailers: Option<Fields>) {
        if let Some(stream) = self.stream {
            let fields = trailers.as_ref().map(Fields::spans).unwrap_or_default();
            let functions = callbacks.functions;
            (functions.finish)(callbacks.context, stream, fields.as_ptr(), fields.len());
        }
        self.end = End::Finished(trailers);
    }

    /// Where it went is over.
    pub(crate) fn forget(&mut self) {
        self.stream = None;
        self.end = End::Aborted;
        if let Some(call) = self.call.take() {
            call.forget();
        }
    }

    fn abort(&mut self, callbacks: &Callbacks) {
        if self.is_over() {
            return;
        }
        if let Some(stream) = self.stream {
            (callbacks.functions.abort)(callbacks.context, stream);
        }
        self.end = End::Aborted;
    }
}

pub const STUCK: &str = "the body is full, and it was never said where it goes";

pub struct OutgoingBody(pub(crate) Arc<Mutex<Body>>, bool);

pub struct OutgoingResponse {
    status: u16,
    headers: Fields,
    body: Option<Arc<Mutex<Body>>>,
}

pub struct OutgoingRequest {
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path_with_query: Option<String>,
    headers: Fields,
    body: Option<Arc<Mutex<Body>>>,
    /// Of the texts: as much as they may be.
    _held: Held,
}

#[derive(Default)]
pub struct ResponseOutparam {
    /// Its request was answered, and the guest is answering another.
    pub(crate) is_over: bool,
}

pub struct FutureResponse {
    pub(crate) call: Arc<Call>,
    told: bool,
}

type Done = std::result::Result<(), ()>;

impl Host {
    fn new_body(&mut self, headers: &Fields) -> Arc<Mutex<Body>> {
        // One that declares nonsense is refused when its head is to be sent.
        let declared = headers.content_length().unwrap_or_default();
        Body::new(Held::nothing(&self.run), declared)
    }

    /// It is known now where a body goes: sends what was kept of it.
    async fn bind(
        &mut self,
        body: &Arc<Mutex<Body>>,
        stream: u32,
        call: Option<Arc<Call>>,
    ) -> Result<()> {
        let callbacks = self.callbacks()?;
        let kept = {
            let mut body = lock(body);
            body.call = call;
            body.stream = Some(stream);
            std::mem::take(&mut body.kept)
        };
        let mut sent = 0;
        while sent < kept.len() {
            let taken = callbacks.write(stream, &kept[sent..]);
            sent += taken;
            if taken == 0 {
                match callbacks.wait_writable(stream) {
                    Some(0) => self.wait().await,
                    Some(_) => {}
                    None => break,
                }
            }
        }
        let mut body = lock(body);
        body.held.shrink(kept.len());
        match std::mem::replace(&mut body.end, End::Open) {
            End::Open => {}
            End::Finished(trailers) => body.finish(&callbacks, trailers),
            End::Aborted => body.abort(&callbacks),
        }
        Ok(())
    }

    fn body_of(
        &mut self,
        existing: Option<Arc<Mutex<Body>>>,
        body: Arc<Mutex<Body>>,
    ) -> Result<std::result::Result<Resource<OutgoingBody>, ()>> {
        if existing.is_some() {
            return Ok(Err(()));
        }
        Ok(Ok(self.table.push(OutgoingBody(body, false))?))
    }
}

impl types::Host for Host {
    fn http_error_code(&mut self, error: Resource<IoError>) -> Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.http.clone())
    }
}

impl HostOutgoingResponse for Host {
    fn new(&mut self, headers: Resource<Fields>) -> Result<Resource<OutgoingResponse>> {
        let headers = self.table.delete(headers)?.fixed();
        Ok(self.table.push(OutgoingResponse { status: 200, headers, body: None })?)
    }

    fn status_code(&mut self, this: Resource<OutgoingResponse>) -> Result<u16> {
        Ok(self.table.get(&this)?.status)
    }

    fn set_status_code(&mut self, this: Resource<OutgoingResponse>, status: u16) -> Result<Done> {
        if !(100..1000).contains(&status) {
            return Ok(Err(()));
        }
        self.table.get_mut(&this)?.status = status;
        Ok(Ok(()))
    }

    fn headers(&mut self, this: Resource<OutgoingResponse>) -> Result<Resource<Fields>> {
        let headers = self.table.get(&this)?.headers.clone();
        Ok(self.table.push_child(headers, &this)?)
    }

    fn body(
        &mut self,
        this: Resource<OutgoingResponse>,
    ) -> Result<std::result::Result<Resource<OutgoingBody>, ()>> {
        let headers = self.table.get(&this)?.headers.clone();
        let body = self.new_body(&headers);
        let response = self.table.get_mut(&this)?;
        let existing = response.body.clone();
        response.body.get_or_insert_with(|| body.clone());
        self.body_of(existing, body)
    }

    fn drop(&mut self, this: Resource<OutgoingResponse>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostResponseOutparam for Host {
    /// Linked for no guest: it is not part of what WASI 0.2 has settled.
    fn send_informational(
        &mut self,
        _: Resource<ResponseOutparam>,
        _: u16,
        _: Resource<Fields>,
    ) -> Result<std::result::Result<(), ErrorCode>> {
        Ok(Err(ErrorCode::ConfigurationError))
    }

    async fn set(
        &mut self,
        this: Resource<ResponseOutparam>,
        response: std::result::Result<Resource<OutgoingResponse>, ErrorCode>,
    ) -> Result<()> {
        if self.table.delete(this)?.is_over {
            return Err(trap("the request was answered long ago"));
        }
        let callbacks = self.callbacks()?;
        let (functions, context) = (callbacks.functions, callbacks.context);
        let response = match response {
            Ok(response) => self.table.delete(response)?,
            Err(code) => {
                let text = format!("{code:?}");
                (functions.respond_with_error)(context, span(text.as_bytes()));
                return Ok(());
            }
        };
        if response.headers.content_length().is_err() {
            return Err(trap("the response's Content-Length is not one number"));
        }
        if !callbacks.respond(response.status, &response.headers) {
            return Err(trap("the response's head cannot be sent"));
        }
        match response.body {
            Some(body) => self.bind(&body, RESPONSE_BODY, None).await,
            None => {
                (functions.finish)(context, RESPONSE_BODY, std::ptr::null(), 0);
                Ok(())
            }
        }
    }

    fn drop(&mut self, this: Resource<ResponseOutparam>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostOutgoingBody for Host {
    fn write(
        &mut self,
        this: Resource<OutgoingBody>,
    ) -> Result<std::result::Result<Resource<OutputStream>, ()>> {
        let OutgoingBody(body, taken) = self.table.get_mut(&this)?;
        if std::mem::replace(taken, true) {
            return Ok(Err(()));
        }
        let stream = OutputStream::Body(body.clone());
        Ok(Ok(self.table.push_child(stream, &this)?))
    }

    async fn finish(
        &mut self,
        this: Resource<OutgoingBody>,
        trailers: Option<Resource<Fields>>,
    ) -> Result<std::result::Result<(), ErrorCode>> {
        let OutgoingBody(body, _) = self.table.delete(this)?;
        let trailers = trailers.map(|trailers| self.table.delete(trailers)).transpose()?;
        let callbacks = self.callbacks()?;
        let mut body = lock(&body);
        // A response without any body may have a length all the same (to HEAD, or of status 304): C++
        // knows whether this is one.
        let may_be_empty = body.call.is_none() && body.written == 0;
        if !may_be_empty && body.declared.is_some_and(|declared| declared != body.written) {
            let error = body.size_error(body.written);
            body.abort(&callbacks);
            return Ok(Err(error));
        }
        body.finish(&callbacks, trailers);
        Ok(Ok(()))
    }

    fn drop(&mut self, this: Resource<OutgoingBody>) -> Result<()> {
        let OutgoingBody(body, _) = self.table.delete(this)?;
        let callbacks = self.callbacks()?;
        lock(&body).abort(&callbacks);
        Ok(())
    }
}

impl HostOutgoingRequest for Host {
    fn new(&mut self, headers: Resource<Fields>) -> Result<Resource<OutgoingRequest>> {
        let headers = self.table.delete(headers)?.fixed();
        let mut held = Held::nothing(&self.run);
        if !held.grow(MAX_TARGET_BYTES) {
            return Err(trap("no memory is left for a request"));
        }
        Ok(self.table.push(OutgoingRequest {
            _held: held,
            method: Method::Get,
            scheme: None,
            authority: None,
            path_with_query: None,
            headers,
            body: None,
        })?)
    }

    fn body(
        &mut self,
        this: Resource<OutgoingRequest>,
    ) -> Result<std::result::Result<Resource<OutgoingBody>, ()>> {
        let headers = self.table.get(&this)?.headers.clone();
        let body = self.new_body(&headers);
        let request = self.table.get_mut(&this)?;
        let existing = request.body.clone();
        request.body.get_or_insert_with(|| body.clone());
        self.body_of(existing, body)
    }

    fn method(&mut self, this: Resource<OutgoingRequest>) -> Result<Method> {
        Ok(self.table.get(&this)?.method.clone())
    }

    fn set_method(&mut self, this: Resource<OutgoingRequest>, method: Method) -> Result<Done> {
        if !is_method(method_name(&method)) {
            return Ok(Err(()));
        }
        self.table.get_mut(&this)?.method = method;
        Ok(Ok(()))
    }

    fn path_with_query(&mut self, this: Resource<OutgoingRequest>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.path_with_query.clone())
    }

    fn set_path_with_query(
        &mut self,
        this: Resource<OutgoingRequest>,
        path: Option<String>,
    ) -> Result<Done> {
        Ok(set_text(&mut self.table.get_mut(&this)?.path_with_query, path, is_target))
    }

    fn scheme(&mut self, this: Resource<OutgoingRequest>) -> Result<Option<Scheme>> {
        Ok(self.table.get(&this)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        this: Resource<OutgoingRequest>,
        scheme: Option<Scheme>,
    ) -> Result<Done> {
        if !scheme.as_ref().map(scheme_name).is_none_or(is_scheme) {
            return Ok(Err(()));
        }
        self.table.get_mut(&this)?.scheme = scheme;
        Ok(Ok(()))
    }

    fn authority(&mut self, this: Resource<OutgoingRequest>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        this: Resource<OutgoingRequest>,
        authority: Option<String>,
    ) -> Result<Done> {
        Ok(set_text(&mut self.table.get_mut(&this)?.authority, authority, is_authority))
    }

    fn headers(&mut self, this: Resource<OutgoingRequest>) -> Result<Resource<Fields>> {
        let headers = self.table.get(&this)?.headers.clone();
        Ok(self.table.push_child(headers, &this)?)
    }

    fn drop(&mut self, this: Resource<OutgoingRequest>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostRequestOptions for Host {
    fn new(&mut self) -> Result<Resource<RequestOptions>> {
        Ok(self.table.push(RequestOptions::default())?)
    }

    fn connect_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.connect)
    }

    fn set_connect_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> Result<Done> {
        self.table.get_mut(&this)?.connect = duration;
        Ok(Ok(()))
    }

    fn first_byte_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.first_byte)
    }

    fn set_first_byte_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> Result<Done> {
        self.table.get_mut(&this)?.first_byte = duration;
        Ok(Ok(()))
    }

    fn between_bytes_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.between_bytes)
    }

    fn set_between_bytes_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> Result<Done> {
        self.table.get_mut(&this)?.between_bytes = duration;
        Ok(Ok(()))
    }

    fn drop(&mut self, this: Resource<RequestOptions>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl outgoing_handler::Host for Host {
    async fn handle(
        &mut self,
        request: Resource<OutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> Result<std::result::Result<Resource<FutureResponse>, ErrorCode>> {
        let options = match options {
            Some(options) => self.table.delete(options)?,
            None => RequestOptions::default(),
        };
        let request = self.table.delete(request)?;
        let callbacks = self.callbacks()?;
        // What C++ keeps for it, as long as the guest holds it.
        let mut held = Held::nothing(&self.run);
        if !held.grow(CALL_BYTES) {
            return Ok(Err(ErrorCode::ConnectionLimitReached));
        }
        let head = OutboundHead {
            method: method_name(&request.method),
            scheme: request.scheme.as_ref().map(scheme_name),
            authority: request.authority.as_deref(),
            path_with_query: request.path_with_query.as_deref(),
            headers: &request.headers,
            options,
        };
        let number = match callbacks.send(&head) {
            Ok(number) => number,
            Err(failure) => return Ok(Err(crate::p2::error_code(failure))),
        };
        let call = Call::new(number, callbacks, held);
        let stream = streams::outbound_request_body(number);
        match &request.body {
            Some(body) => self.bind(body, stream, Some(call.clone())).await?,
            None => {
                (callbacks.functions.finish)(callbacks.context, stream, std::ptr::null(), 0);
            }
        }
        Ok(Ok(self.table.push(FutureResponse { call, told: false })?))
    }
}

impl Callbacks {
    pub fn respond(&self, status: u16, headers: &Fields) -> bool {
        let fields = headers.spans();
        (self.functions.respond)(self.context, status, fields.as_ptr(), fields.len())
    }
}

impl HostFutureIncomingResponse for Host {
    fn subscribe(&mut self, this: Resource<FutureResponse>) -> Result<Resource<Pollable>> {
        let call = self.table.get(&this)?.call.number();
        Ok(self.table.push_child(Pollable::Response(call), &this)?)
    }

    #[allow(clippy::type_complexity)]
    fn get(
        &mut self,
        this: Resource<FutureResponse>,
    ) -> Result<
        Option<std::result::Result<std::result::Result<Resource<IncomingResponse>, ErrorCode>, ()>>,
    > {
        let callbacks = self.callbacks()?;
        let future = self.table.get_mut(&this)?;
        if future.told {
            return Ok(Some(Err(())));
        }
        let call = future.call.clone();
        let Some(response) = callbacks.response(call.number()) else { return Ok(None) };
        future.told = true;
        Ok(Some(Ok(match response {
            Ok(status) => {
                let response = IncomingResponse { call, status, headers: None, consumed: false };
                Ok(self.table.push(response)?)
            }
            Err(failure) => Err(crate::p2::error_code(failure)),
        })))
    }

    fn drop(&mut self, this: Resource<FutureResponse>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
