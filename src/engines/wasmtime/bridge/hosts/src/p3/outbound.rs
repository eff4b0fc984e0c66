//! wasi:http/client 0.3: requests that go out.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use wasmtime::component::{Accessor, AccessorTask, Resource};
use wasmtime::{Error, Result};

use crate::bindings::p3::wasi::http::client;
use crate::bindings::p3::wasi::http::types::ErrorCode;
use crate::host::{Held, Host};
use crate::incoming::Call;
use crate::outbound_head::{OutboundHead, CALL_BYTES};
use crate::p3::body::{self, Body, Destination};
use crate::p3::http::{error_code, method_name, scheme_name, Request, Response};
use crate::p3::HasHost;
use crate::streams::{outbound_request_body, outbound_response_body};

impl client::Host for Host {}

/// Sends the body while others wait for the response.
struct SendBody {
    body: Body,
    to: Destination,
    _call: Arc<Call>,
    /// After the call.
    _sending: Arc<()>,
}

impl<T: Send + 'static> AccessorTask<T, HasHost> for SendBody {
    async fn run(self, accessor: &Accessor<T, HasHost>) -> Result<()> {
        body::send(accessor, self.body, self.to).await
    }
}

/// A request whose head was sent.
struct Begun {
    body: Body,
    to: Destination,
    call: Arc<Call>,
    /// After the call.
    sending: Arc<()>,
}

/// Sends the head.
fn begin(
    host: &mut Host,
    mut request: Request,
) -> Result<std::result::Result<Begun, (Body, ErrorCode)>> {
    let callbacks = host.callbacks()?;
    // What C++ keeps for it, as long as the guest holds it.
    let mut held = Held::nothing(&host.run);
    if !held.grow(CALL_BYTES) {
        return Ok(Err((request.body, ErrorCode::ConnectionLimitReached)));
    }
    let headers = request.headers(host)?;
    let head = OutboundHead {
        method: method_name(&request.method),
        scheme: request.scheme.as_ref().map(scheme_name),
        authority: request.authority.as_deref(),
        path_with_query: request.path_with_query.as_deref(),
        headers: &headers,
        options: request.options.unwrap_or_default(),
    };
    let number = match callbacks.send(&head) {
        Ok(number) => number,
        Err(failure) => return Ok(Err((request.body, error_code(failure)))),
    };
    let to = Destination {
        callbacks,
        run: host.run.clone(),
        stream: outbound_request_body(number),
        // One that declares nonsense was refused above.
        declared: headers.content_length().unwrap_or_default(),
        may_be_empty: false,
        size_error: ErrorCode::HttpRequestBodySize,
    };
    let call = Call::new(number, callbacks, held);
    Ok(Ok(Begun { body: request.body, to, call, sending: host.sending.clone() }))
}

impl<T: Send + 'static> client::HostWithStore<T> for HasHost {
    async fn send(
        accessor: &Accessor<T, Self>,
        request: Resource<Request>,
    ) -> Result<std::result::Result<Resource<Response>, ErrorCode>> {
        let begun = accessor.with(|mut access| {
            let host = access.get();
            let request = host.table.delete(request)?;
            match begin(host, request)? {
                Ok(begun) => Ok(Ok(begun)),
                Err((body, code)) => {
                    body.close(&mut access)?;
                    Ok::<_, Error>(Err(code))
                }
            }
        })?;
        // Dropped from the last to the first: while there is a call, something is being sent.
        let Begun { sending, body, to, call } = match begun {
            Ok(begun) => begun,
            Err(code) => return Ok(Err(code)),
        };
        let (callbacks, run) = (to.callbacks, to.run.clone());
        let task = SendBody { body, to, _call: call.clone(), _sending: sending.clone() };
        accessor.spawn(task)?;
        let answered = poll_fn(|context| match callbacks.response(call.number()) {
            Some(answered) => Poll::Ready(answered),
            None => {
                run.wait(context);
                Poll::Pending
            }
        })
        .await;
        let status = match answered {
            Ok(status) => status,
            Err(failure) => return Ok(Err(error_code(failure))),
        };
        accessor.with(|mut access| {
            let host = access.get();
            let headers = host.response_fields(call.number())?;
            let stream = outbound_response_body(call.number());
            let body = Body::Stream { stream, call: Some(call) };
            Ok(Ok(host.table.push(Response { status, headers, body })?))
        })
    }
}
