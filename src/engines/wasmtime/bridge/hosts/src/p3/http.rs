//! wasi:http 0.3: fields, requests, responses and the options of requests.

use wasmtime::component::{Access, FutureReader, Resource, StreamReader};
use wasmtime::Result;

use crate::bindings::p2::wasi::http::types::HostFields as Old;
use crate::bindings::p3::wasi::http::types::{
    self, ErrorCode, HeaderError, HostFields, HostRequest, HostRequestOptions,
    HostRequestWithStore, HostResponse, HostResponseWithStore, Method, RequestOptionsError, Scheme,
};
use crate::call::trap;
use crate::fields::{bytes_of, Entry, Fields};
use crate::host::{Held, Host};
use crate::incoming::text_of;
use crate::outbound_head::{
    self, is_authority, is_method, is_scheme, is_target, set_text, MAX_TARGET_BYTES,
};
use crate::p3::body::{Body, Contents, Sent, Trailers};
use crate::p3::HasHost;
use crate::streams::REQUEST_BODY;
use crate::words::{define_error_code, define_names};

define_error_code!(crate::bindings::p3::wasi::http::types);
define_names!();

pub struct Request {
    pub method: Method,
    pub scheme: Option<Scheme>,
    pub authority: Option<String>,
    pub path_with_query: Option<String>,
    /// Nothing: of the request that the run answers, and not asked for yet.
    headers: Option<Fields>,
    pub options: Option<outbound_head::RequestOptions>,
    pub body: Body,
    /// Of the texts: as much as they may be.
    _held: Held,
}

pub struct Response {
    pub status: u16,
    pub headers: Fields,
    pub body: Body,
}

#[derive(Clone, Copy, Default)]
pub struct RequestOptions {
    times: outbound_head::RequestOptions,
    is_fixed: bool,
}

impl Request {
    /// The one that the run answers.
    pub fn incoming(host: &Host) -> Result<Request> {
        let head = host.callbacks()?.request()?;
        // SAFETY: C++'s spans of the request stay as long as the instance.
        let text = |span| unsafe { bytes_of(span) };
        Ok(Request {
            method: method_of(text(&head.method).unwrap_or_default()),
            scheme: text(&head.scheme).map(scheme_of),
            authority: text(&head.authority).map(text_of),
            path_with_query: text(&head.path_with_query).map(text_of),
            headers: None,
            options: None,
            body: Body::Stream { stream: REQUEST_BODY, call: None },
            _held: Held::nothing(&host.run),
        })
    }

    /// It was answered, and the guest is answering another.
    pub fn forget(&mut self) {
        self.headers.get_or_insert_with(|| Fields::empty(self._held.run()));
        self.body.forget();
    }

    pub fn headers(&mut self, host: &Host) -> Result<Fields> {
        match &self.headers {
            Some(headers) => Ok(headers.clone()),
            None => Ok(self.headers.insert(host.request_fields()?).clone()),
        }
    }
}

type FieldsResult<T> = Result<std::result::Result<T, HeaderError>>;

impl HostFields for Host {
    fn new(&mut self) -> Result<Resource<Fields>> {
        Old::new(self)
    }

    fn from_list(&mut self, entries: Vec<Entry>) -> FieldsResult<Resource<Fields>> {
        Ok(match Fields::new(entries, &self.run)? {
            Ok(fields) => Ok(self.table.push(fields)?),
            Err(error) => Err(error.into()),
        })
    }

    fn get(&mut self, this: Resource<Fields>, name: String) -> Result<Vec<Vec<u8>>> {
        Old::get(self, this, name)
    }

    fn has(&mut self, this: Resource<Fields>, name: String) -> Result<bool> {
        Old::has(self, this, name)
    }

    fn set(
        &mut self,
        this: Resource<Fields>,
        name: String,
        values: Vec<Vec<u8>>,
    ) -> FieldsResult<()> {
        Ok(self.table.get_mut(&this)?.set(&name, values)?.map_err(HeaderError::from))
    }

    fn delete(&mut self, this: Resource<Fields>, name: String) -> FieldsResult<()> {
        Ok(self.table.get_mut(&this)?.delete(&name)?.map_err(HeaderError::from))
    }

    fn get_and_delete(
        &mut self,
        this: Resource<Fields>,
        name: String,
    ) -> FieldsResult<Vec<Vec<u8>>> {
        let fields = self.table.get_mut(&this)?;
        let values = fields.values(&name).cloned().collect();
        Ok(fields.delete(&name)?.map(|()| values).map_err(HeaderError::from))
    }

    fn append(&mut self, this: Resource<Fields>, name: String, value: Vec<u8>) -> FieldsResult<()> {
        Ok(self.table.get_mut(&this)?.append(&name, value)?.map_err(HeaderError::from))
    }

    fn copy_all(&mut self, this: Resource<Fields>) -> Result<Vec<Entry>> {
        Old::entries(self, this)
    }

    fn clone(&mut self, this: Resource<Fields>) -> Result<Resource<Fields>> {
        Old::clone(self, this)
    }

    fn drop(&mut self, this: Resource<Fields>) -> Result<()> {
        Old::drop(self, this)
    }
}

impl types::Host for Host {}

type Done = std::result::Result<(), ()>;

impl<T: Send + 'static> HostRequestWithStore<T> for HasHost {
    fn new(
        mut store: Access<'_, T, Self>,
        headers: Resource<Fields>,
        contents: Contents,
        trailers: Trailers,
        options: Option<Resource<RequestOptions>>,
    ) -> Result<(Resource<Request>, Sent)> {
        let (body, sent) = Body::made(&mut store, contents, trailers)?;
        let host = store.get();
        let headers = host.table.delete(headers)?.fixed();
        let options = options.map(|options| host.table.delete(options)).transpose()?;
        let mut held = Held::nothing(&host.run);
        if !held.grow(MAX_TARGET_BYTES) {
            return Err(trap("no memory is left for a request"));
        }
        let request = Request {
            method: Method::Get,
            scheme: None,
            authority: None,
            path_with_query: None,
            headers: Some(headers),
            options: options.map(|options| options.times),
            body,
            _held: held,
        };
        Ok((host.table.push(request)?, sent))
    }

    fn consume_body(
        mut store: Access<'_, T, Self>,
        this: Resource<Request>,
        result: FutureReader<std::result::Result<(), ErrorCode>>,
    ) -> Result<(StreamReader<u8>, Trailers)> {
        let request = store.get().table.delete(this)?;
        request.body.consume(&mut store, result)
    }

    fn drop(mut store: Access<'_, T, Self>, this: Resource<Request>) -> Result<()> {
        let request = store.get().table.delete(this)?;
        request.body.close(&mut store)
    }
}

impl HostRequest for Host {
    fn get_method(&mut self, this: Resource<Request>) -> Result<Method> {
        Ok(self.table.get(&this)?.method.clone())
    }

    fn set_method(&mut self, this: Resource<Request>, method: Method) -> Result<Done> {
        if !is_method(method_name(&method)) {
            return Ok(Err(()));
        }
        self.table.get_mut(&this)?.method = method;
        Ok(Ok(()))
    }

    fn get_path_with_query(&mut self, this: Resource<Request>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.path_with_query.clone())
    }

    fn set_path_with_query(
        &mut self,
        this: Resource<Request>,
        path: Option<String>,
    ) -> Result<Done> {
        Ok(set_text(&mut self.table.get_mut(&this)?.path_with_query, path, is_target))
    }

    fn get_scheme(&mut self, this: Resource<Request>) -> Result<Option<Scheme>> {
        Ok(self.table.get(&this)?.scheme.clone())
    }

    fn set_scheme(&mut self, this: Resource<Request>, scheme: Option<Scheme>) -> Result<Done> {
        if !scheme.as_ref().map(scheme_name).is_none_or(is_scheme) {
            return Ok(Err(()));
        }
        self.table.get_mut(&this)?.scheme = scheme;
        Ok(Ok(()))
    }

    fn get_authority(&mut self, this: Resource<Request>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        this: Resource<Request>,
        authority: Option<String>,
    ) -> Result<Done> {
        Ok(set_text(&mut self.table.get_mut(&this)?.authority, authority, is_authority))
    }

    fn get_options(&mut self, this: Resource<Request>) -> Result<Option<Resource<RequestOptions>>> {
        let times = self.table.get(&this)?.options;
        let fixed = times.map(|times| RequestOptions { times, is_fixed: true });
        Ok(fixed.map(|options| self.table.push(options)).transpose()?)
    }

    fn get_headers(&mut self, this: Resource<Request>) -> Result<Resource<Fields>> {
        let headers = match self.table.get(&this)?.headers.clone() {
            Some(headers) => headers,
            None => {
                let headers = self.request_fields()?;
                self.table.get_mut(&this)?.headers = Some(headers.clone());
                headers
            }
        };
        Ok(self.table.push(headers)?)
    }
}

impl<T: Send + 'static> HostResponseWithStore<T> for HasHost {
    fn new(
        mut store: Access<'_, T, Self>,
        headers: Resource<Fields>,
        contents: Contents,
        trailers: Trailers,
    ) -> Result<(Resource<Response>, Sent)> {
        let (body, sent) = Body::made(&mut store, contents, trailers)?;
        let host = store.get();
        let headers = host.table.delete(headers)?.fixed();
        Ok((host.table.push(Response { status: 200, headers, body })?, sent))
    }

    fn consume_body(
        mut store: Access<'_, T, Self>,
        this: Resource<Response>,
        result: FutureReader<std::result::Result<(), ErrorCode>>,
    ) -> Result<(StreamReader<u8>, Trailers)> {
        let response = store.get().table.delete(this)?;
        response.body.consume(&mut store, result)
    }

    fn drop(mut store: Access<'_, T, Self>, this: Resource<Response>) -> Result<()> {
        let response = store.get().table.delete(this)?;
        response.body.close(&mut store)
    }
}

impl HostResponse for Host {
    fn get_status_code(&mut self, this: Resource<Response>) -> Result<u16> {
        Ok(self.table.get(&this)?.status)
    }

    fn set_status_code(&mut self, this: Resource<Response>, status: u16) -> Result<Done> {
        if !(100..600).contains(&status) {
            return Ok(Err(()));
        }
        self.table.get_mut(&this)?.status = status;
        Ok(Ok(()))
    }

    fn get_headers(&mut self, this: Resource<Response>) -> Result<Resource<Fields>> {
        let headers = self.table.get(&this)?.headers.clone();
        Ok(self.table.push(headers)?)
    }
}

type OptionResult = Result<std::result::Result<(), RequestOptionsError>>;

impl Host {
    fn set_time(
        &mut self,
        this: &Resource<RequestOptions>,
        set: impl FnOnce(&mut outbound_head::RequestOptions),
    ) -> OptionResult {
        let options = self.table.get_mut(this)?;
        if options.is_fixed {
            return Ok(Err(RequestOptionsError::Immutable));
        }
        set(&mut options.times);
        Ok(Ok(()))
    }
}

impl HostRequestOptions for Host {
    fn new(&mut self) -> Result<Resource<RequestOptions>> {
        Ok(self.table.push(RequestOptions::default())?)
    }

    fn get_connect_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.times.connect)
    }

    fn set_connect_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> OptionResult {
        self.set_time(&this, |times| times.connect = duration)
    }

    fn get_first_byte_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.times.first_byte)
    }

    fn set_first_byte_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> OptionResult {
        self.set_time(&this, |times| times.first_byte = duration)
    }

    fn get_between_bytes_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.times.between_bytes)
    }

    fn set_between_bytes_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> OptionResult {
        self.set_time(&this, |times| times.between_bytes = duration)
    }

    fn clone(&mut self, this: Resource<RequestOptions>) -> Result<Resource<RequestOptions>> {
        let times = self.table.get(&this)?.times;
        Ok(self.table.push(RequestOptions { times, is_fixed: false })?)
    }

    fn drop(&mut self, this: Resource<RequestOptions>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
