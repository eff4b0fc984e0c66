//! Bodies of wasi:http 0.3: made by a guest, of a stream and a future of trailers, or one of C++'s
//! streams; read by a guest, or sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use std::future::{poll_fn, Future};
use wasmtime::component::{
    Access, Accessor, FutureConsumer, FutureProducer, FutureReader, Lift, Resource, Source,
    StreamReader,
};
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};

use crate::bindings::p3::wasi::http::types::ErrorCode;
use crate::fields::Fields;
use crate::host::{Callbacks, Host};
use crate::incoming::Call;
use crate::p3::http::error_code;
use crate::p3::streams::{End, Incoming, Outgoing};
use crate::p3::HasHost;
use crate::run::Run;
use crate::streams::{ReadInto, GONE, MAX_TRANSFER};

pub type Done = std::result::Result<(), ErrorCode>;
pub type TrailersResult = std::result::Result<Option<Resource<Fields>>, ErrorCode>;

/// What a body is made of, as guests hand it over and get it.
pub type Contents = Option<StreamReader<u8>>;
pub type Trailers = FutureReader<TrailersResult>;
/// What came of sending a body.
pub type Sent = FutureReader<Done>;

pub enum Body {
    Guest {
        contents: Contents,
        trailers: Trailers,
        sent: oneshot::Sender<Done>,
    },
    /// One of C++'s.
    Stream {
        stream: u32,
        call: Option<Arc<Call>>,
    },
}

impl Body {
    /// A guest's. It is told what came of sending it: all is well when it is never sent.
    pub fn made<T: Send + 'static>(
        store: &mut Access<'_, T, HasHost>,
        contents: Contents,
        trailers: Trailers,
    ) -> Result<(Body, Sent)> {
        let (sent, told) = oneshot::channel();
        let told =
            FutureReader::new(store, async move { Ok::<_, Error>(told.await.unwrap_or(Ok(()))) })?;
        Ok((Body::Guest { contents, trailers, sent }, told))
    }

    /// Hands it to a guest that reads it; `result` is what the guest makes of it.
    pub fn consume<T: Send + 'static>(
        self,
        store: &mut Access<'_, T, HasHost>,
        result: FutureReader<Done>,
    ) -> Result<(StreamReader<u8>, Trailers)> {
        match self {
            Body::Guest { contents, trailers, sent } => {
                result.pipe(&mut *store, Tell(Some(sent)))?;
                let contents = match contents {
                    Some(contents) => contents,
                    None => StreamReader::new(&mut *store, std::iter::empty())?,
                };
                Ok((contents, trailers))
            }
            Body::Stream { stream, call } => {
                result.pipe(&mut *store, Tell(None))?;
                let getter = store.getter();
                let host = store.get();
                let (callbacks, run) = (host.callbacks()?, host.run.clone());
                let (told, end) = oneshot::channel();
                let incoming = Incoming {
                    callbacks,
                    run,
                    stream,
                    _held: None,
                    _call: call.clone(),
                    end: Some(told),
                };
                let contents = StreamReader::new(&mut *store, incoming)?;
                let trailers = ReadTrailers { end, stream, host: getter, _call: call };
                Ok((contents, FutureReader::new(&mut *store, trailers)?))
            }
        }
    }

    /// The request that it was of is over.
    pub fn forget(&mut self) {
        if let Body::Stream { stream, call } = self {
            *stream = GONE;
            call.iter().for_each(|call| call.forget());
        }
    }

    /// Nobody wants it.
    pub fn close<T: Send + 'static>(self, store: &mut Access<'_, T, HasHost>) -> Result<()> {
        if let Body::Guest { contents, mut trailers, .. } = self {
            if let Some(mut contents) = contents {
                contents.close(&mut *store)?;
            }
            trailers.close(&mut *store)?;
        }
        Ok(())
    }
}

/// Where a body goes.
pub struct Destination {
    pub callbacks: Callbacks,
    pub run: Arc<Run>,
    /// One of C++'s.
    pub stream: u32,
    /// The body's length, if its head declares one.
    pub declared: Option<u64>,
    /// A body without a byte may have a declared length all the same (of a response to HEAD, or of
    /// status 304).
    pub may_be_empty: bool,
    /// What a body of another length than was declared is called.
    pub size_error: fn(Option<u64>) -> ErrorCode,
}

/// Sends a body, trailers and all, and tells the guest what came of it.
pub async fn send<T: Send + 'static>(
    accessor: &Accessor<T, HasHost>,
    body: Body,
    to: Destination,
) -> Result<()> {
    match body {
        Body::Guest { contents, trailers, sent } => {
            let done = send_guests(accessor, contents, trailers, &to).await?;
            let _ = sent.send(done);
        }
        Body::Stream { stream, call } => {
            pass_on(stream, &to).await?;
            drop(call);
        }
    }
    Ok(())
}

async fn send_guests<T: Send + 'static>(
    accessor: &Accessor<T, HasHost>,
    contents: Contents,
    trailers: Trailers,
    to: &Destination,
) -> Result<Done> {
    let (told, trailers_told) = oneshot::channel();
    let end = accessor.with(|mut access| {
        trailers.pipe(&mut access, Tell(Some(told)))?;
        let Some(contents) = contents else { return Ok(None) };
        let (told, end) = oneshot::channel();
        let outgoing = Outgoing::new(to.callbacks, &to.run, to.stream, to.declared, told);
        contents.pipe(&mut access, outgoing)?;
        Ok::<_, Error>(Some(end))
    })?;
    let end = match end {
        Some(end) => end.await.unwrap_or(End::Closed),
        None => End::Over(0),
    };
    let failure = match end {
        End::Closed => Some(ErrorCode::ConnectionTerminated),
        End::TooLong(bytes) => Some((to.size_error)(Some(bytes))),
        End::Over(bytes) if to.is_too_short(bytes) => Some((to.size_error)(Some(bytes))),
        End::Over(_) => None,
    };
    if let Some(failure) = failure {
        to.abort();
        return Ok(Err(failure));
    }
    // The guest dropped the future: there are no trailers.
    let trailers = trailers_told.await.unwrap_or(Ok(None));
    let fields = match trailers {
        Ok(None) => None,
        Ok(Some(trailers)) => {
            Some(accessor.with(|mut access| access.get().table.delete(trailers))?)
        }
        Err(code) => {
            to.abort();
            return Ok(Err(code));
        }
    };
    to.finish(fields.as_ref());
    Ok(Ok(()))
}

/// Sends what comes in on another stream, as it comes.
async fn pass_on(from: u32, to: &Destination) -> Result<()> {
    let callbacks = to.callbacks;
    let mut buffer = vec![0; MAX_TRANSFER];
    let (mut start, mut end, mut total) = (0, 0, 0);
    let whole = poll_fn(|context| loop {
        if start < end {
            let taken = callbacks.write(to.stream, &buffer[start..end]);
            start += taken;
            if taken == 0 {
                match callbacks.wait_writable(to.stream) {
                    None => return Poll::Ready(false),
                    Some(0) => {
                        to.run.wait(context);
                        return Poll::Pending;
                    }
                    Some(_) => {}
                }
            }
            continue;
        }
        match callbacks.read_into(from, &mut buffer) {
            ReadInto::Bytes(read) => {
                (start, end) = (0, read);
                total += read as u64;
            }
            ReadInto::End => return Poll::Ready(!to.is_too_short(total)),
            ReadInto::Failed => return Poll::Ready(false),
            ReadInto::Pending if callbacks.wait_readable(from) => {}
            ReadInto::Pending => {
                to.run.wait(context);
                return Poll::Pending;
            }
        }
    })
    .await;
    if !whole {
        to.abort();
        return Ok(());
    }
    let entries = callbacks.trailers(from);
    let trailers = match entries.is_empty() {
        true => None,
        false => Some(Fields::received(entries, &to.run)?),
    };
    to.finish(trailers.as_ref());
    Ok(())
}

impl Destination {
    fn is_too_short(&self, bytes: u64) -> bool {
        let is_empty = self.may_be_empty && bytes == 0;
        !is_empty && self.declared.is_some_and(|declared| bytes != declared)
    }

    fn finish(&self, trailers: Option<&Fields>) {
        let fields = trailers.map(Fields::spans).unwrap_or_default();
        let functions = self.callbacks.functions;
        (functions.finish)(self.callbacks.context, self.stream, fields.as_ptr(), fields.len());
    }

    fn abort(&self) {
        (self.callbacks.functions.abort)(self.callbacks.context, self.stream);
        // C++ wakes nobody who waits for something of it.
        self.run.wake_waiters();
    }
}

/// Hands on what a guest puts into a future; nothing: nobody wants to know.
struct Tell<V>(Option<oneshot::Sender<V>>);

impl<D, V: Lift + Send + 'static> FutureConsumer<D> for Tell<V> {
    type Item = V;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'_, D>,
        mut source: Source<'_, V>,
        _finish: bool,
    ) -> Poll<Result<()>> {
        let mut value = None;
        source.read(store.as_context_mut(), &mut value)?;
        if let (Some(value), Some(told)) = (value, self.0.take()) {
            let _ = told.send(value);
        }
        Poll::Ready(Ok(()))
    }
}

/// The trailers of one of C++'s streams, once that was read to its end.
struct ReadTrailers<T: 'static> {
    end: oneshot::Receiver<bool>,
    stream: u32,
    host: fn(&mut T) -> &mut Host,
    _call: Option<Arc<Call>>,
}

impl<T: Send + 'static> FutureProducer<T> for ReadTrailers<T> {
    type Item = TrailersResult;

    fn poll_produce(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'_, T>,
        finish: bool,
    ) -> Poll<Result<Option<TrailersResult>>> {
        let whole = match Pin::new(&mut self.end).poll(context) {
            Poll::Pending if finish => return Poll::Ready(Ok(None)),
            Poll::Pending => return Poll::Pending,
            // Nobody read the rest.
            Poll::Ready(Err(oneshot::Canceled)) => return Poll::Ready(Ok(Some(Ok(None)))),
            Poll::Ready(Ok(whole)) => whole,
        };
        let host = (self.host)(store.data_mut());
        let callbacks = host.callbacks()?;
        if !whole {
            let code = error_code(callbacks.failure_number(self.stream));
            return Poll::Ready(Ok(Some(Err(code))));
        }
        let entries = callbacks.trailers(self.stream);
        if entries.is_empty() {
            return Poll::Ready(Ok(Some(Ok(None))));
        }
        let trailers = Fields::received(entries, &host.run)?;
        Poll::Ready(Ok(Some(Ok(Some(host.table.push(trailers)?)))))
    }
}
