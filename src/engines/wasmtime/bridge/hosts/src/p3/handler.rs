//! wasi:http/handler 0.3: a request handed to a guest, and its response sent.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use wasmtime::component::{Accessor, Resource, TypedFunc};
use wasmtime::{Error, Result};

use crate::bindings::p3::wasi::http::types::ErrorCode;
use crate::call::trap;
use crate::fields::span;
use crate::p3::body::{self, Destination};
use crate::p3::http::{Request, Response};
use crate::p3::HasHost;
use crate::run::Run;
use crate::streams::RESPONSE_BODY;

type Answer = std::result::Result<Resource<Response>, ErrorCode>;
/// The export `handle`.
pub type Handle = TypedFunc<(Resource<Request>,), (Answer,)>;

/// Until the response was sent and the guest has nothing more to do. `answered`: it has returned one.
pub async fn handle<T: Send + 'static>(
    accessor: &Accessor<T, HasHost>,
    function: &Handle,
    answered: &AtomicBool,
) -> Result<()> {
    let request = accessor.with(|mut access| {
        let host = access.get();
        let request = Request::incoming(host)?;
        host.push(request)
    })?;
    let (answer,) = function.call_concurrent(accessor, (request,)).await?;
    answered.store(true, Ordering::Relaxed);
    let (response, to) = match accessor.with(|mut access| {
        let host = access.get();
        let callbacks = host.callbacks()?;
        let response = match answer {
            Ok(response) => host.table.delete(response)?,
            Err(code) => {
                let text = format!("{code:?}");
                (callbacks.functions.respond_with_error)(callbacks.context, span(text.as_bytes()));
                return Ok::<_, Error>(None);
            }
        };
        let Ok(declared) = response.headers.content_length() else {
            return Err(trap("the response's Content-Length is not one number"));
        };
        if !callbacks.respond(response.status, &response.headers) {
            return Err(trap("the response's head cannot be sent"));
        }
        let to = Destination {
            callbacks,
            run: host.run.clone(),
            stream: RESPONSE_BODY,
            declared,
            may_be_empty: true,
            size_error: ErrorCode::HttpResponseBodySize,
        };
        Ok(Some((response, to)))
    })? {
        Some(answered) => answered,
        None => return idle(accessor).await,
    };
    body::send(accessor, response.body, to).await?;
    idle(accessor).await
}

/// Until the call ends, or nothing can wake the guest any more: then it has ended when no task of it
/// is left (what it left open is C++'s to judge), and traps when one waits for ever.
pub async fn while_it_can_go_on<T: Send + 'static>(
    run: &Run,
    accessor: &Accessor<T, HasHost>,
    call: impl Future<Output = Result<()>>,
) -> Result<()> {
    let mut call = pin!(call);
    poll_fn(|context| {
        if !run.is_stuck() {
            return call.as_mut().poll(context);
        }
        Poll::Ready(match accessor.poll_no_interesting_tasks(context) {
            Poll::Ready(()) => Ok(()),
            Poll::Pending => Err(trap("it waits for what nothing can bring")),
        })
    })
    .await
}

/// Until no task of the guest is left: it may go on when it has answered.
pub async fn idle<T: Send + 'static>(accessor: &Accessor<T, HasHost>) -> Result<()> {
    poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
    Ok(())
}
