//! Byte streams between a guest and C++: each is one of engine::ComponentHost's, by its number.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use wasmtime::component::{Destination, Source, StreamConsumer, StreamProducer, StreamResult};
use wasmtime::{AsContextMut, Result, StoreContextMut};

use crate::host::{Callbacks, Held};
use crate::incoming::Call;
use crate::run::Run;
use crate::streams::{ReadInto, MAX_TRANSFER};

/// Nothing can be done now.
pub fn pending(run: &Run, context: &Context<'_>, finish: bool) -> Poll<Result<StreamResult>> {
    if finish {
        return Poll::Ready(Ok(StreamResult::Cancelled));
    }
    run.wait(context);
    Poll::Pending
}

/// What a guest reads.
pub struct Incoming {
    pub callbacks: Callbacks,
    pub run: Arc<Run>,
    pub stream: u32,
    /// What the engine may keep of it.
    pub _held: Option<Held>,
    /// Kept alive: the request that this is the response's body of.
    pub _call: Option<Arc<Call>>,
    /// Told how it ended: true when it was whole. Dropped before: nobody wanted the rest.
    pub end: Option<oneshot::Sender<bool>>,
}

impl Incoming {
    fn ended(&mut self, whole: bool) -> Poll<Result<StreamResult>> {
        if let Some(end) = self.end.take() {
            let _ = end.send(whole);
        }
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

impl<D> StreamProducer<D> for Incoming {
    type Item = u8;
    type Buffer = Option<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, u8, Option<u8>>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let callbacks = self.callbacks;
        loop {
            // A read of nothing asks whether there is something.
            if destination.remaining(store.as_context_mut()) == Some(0) {
                match callbacks.wait_readable(self.stream) {
                    true => return Poll::Ready(Ok(StreamResult::Completed)),
                    false => return pending(&self.run, context, finish),
                }
            }
            let mut direct = destination.reborrow().as_direct(store.as_context_mut(), MAX_TRANSFER);
            let room = direct.remaining();
            let size = room.len().min(MAX_TRANSFER);
            match callbacks.read_into(self.stream, &mut room[..size]) {
                ReadInto::Bytes(read) => {
                    direct.mark_written(read);
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
                ReadInto::End => return self.ended(true),
                ReadInto::Failed => return self.ended(false),
                ReadInto::Pending if callbacks.wait_readable(self.stream) => {}
                ReadInto::Pending => return pending(&self.run, context, finish),
            }
        }
    }
}

/// How what a guest wrote ended.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The guest wrote no more; so many bytes were taken.
    Over(u64),
    /// Nobody takes more.
    Closed,
    /// More than was declared: so many bytes.
    TooLong(u64),
}

/// What a guest writes.
pub struct Outgoing {
    callbacks: Callbacks,
    run: Arc<Run>,
    stream: u32,
    declared: Option<u64>,
    written: u64,
    end: Option<oneshot::Sender<End>>,
}

impl Outgoing {
    pub fn new(
        callbacks: Callbacks,
        run: &Arc<Run>,
        stream: u32,
        declared: Option<u64>,
        end: oneshot::Sender<End>,
    ) -> Outgoing {
        Outgoing { callbacks, run: run.clone(), stream, declared, written: 0, end: Some(end) }
    }

    fn tell(&mut self, how: End) {
        if let Some(end) = self.end.take() {
            let _ = end.send(how);
        }
    }

    fn ended(&mut self, how: End) -> Poll<Result<StreamResult>> {
        self.tell(how);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

/// The guest has dropped its end (or is gone: then nobody listens any more).
impl Drop for Outgoing {
    fn drop(&mut self) {
        self.tell(End::Over(self.written));
    }
}

impl<D> StreamConsumer<D> for Outgoing {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let callbacks = self.callbacks;
        let mut source = source.as_direct(store);
        loop {
            let bytes = source.remaining();
            let total = self.written.saturating_add(bytes.len() as u64);
            if self.declared.is_some_and(|declared| total > declared) {
                return self.ended(End::TooLong(total));
            }
            let bytes = &bytes[..bytes.len().min(MAX_TRANSFER)];
            if !bytes.is_empty() {
                let taken = callbacks.write(self.stream, bytes);
                if taken != 0 {
                    source.mark_read(taken);
                    self.written += taken as u64;
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
            }
            match callbacks.wait_writable(self.stream) {
                None => return self.ended(End::Closed),
                Some(0) => return pending(&self.run, context, finish),
                Some(_) if bytes.is_empty() => return Poll::Ready(Ok(StreamResult::Completed)),
                Some(_) => {}
            }
        }
    }
}
