//! Streams of files and folders: a producer or consumer that makes preview 1's calls, one at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use wasmtime::component::{
    Destination, Source, StreamConsumer, StreamProducer, StreamResult, VecBuffer,
};
use wasmtime::{AsContextMut, Result, StoreContextMut};

use crate::bindings::p3::wasi::filesystem::types::{DirectoryEntry, ErrorCode};
use crate::file_calls::{check, FileCall};
use crate::files::{Fd, FileError, FileResult};
use crate::host::{Held, Host};
use crate::p3::files::{descriptor_type, error_code, Done};
use crate::preview1::{Begun, Operation};
use crate::streams::MAX_TRANSFER;

type Getter<T> = fn(&mut T) -> &mut Host;

/// The call that is under way, if one is.
#[derive(Default)]
struct Calling(Option<Operation>);

impl Calling {
    /// Makes the call that `lay_out` lays out, or goes on with the one before.
    fn poll<R>(
        &mut self,
        host: &mut Host,
        context: &Context<'_>,
        lay_out: impl FnOnce(&mut Host) -> FileCall,
        end: impl FnOnce(&mut Host) -> R,
    ) -> Poll<FileResult<R>> {
        let errno = match &self.0 {
            Some(operation) => match host.poll_operation(operation, context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(ended) => {
                    self.0 = None;
                    ended?
                }
            },
            None => {
                let call = lay_out(host);
                match host.begin(call)? {
                    Begun::Ended(errno) => errno,
                    Begun::Waits(operation) => {
                        self.0 = Some(operation);
                        host.run.wait(context);
                        return Poll::Pending;
                    }
                }
            }
        };
        check(errno)?;
        Poll::Ready(Ok(end(host)))
    }
}

/// Tells the future beside a stream what came of it, and ends the stream.
fn end(
    told: &mut Option<oneshot::Sender<Done>>,
    done: std::result::Result<(), FileError>,
) -> Poll<Result<StreamResult>> {
    let done = match done {
        Ok(()) => Ok(()),
        Err(FileError::Code(code)) => Err(error_code(code)),
        Err(FileError::Trap(error)) => return Poll::Ready(Err(error)),
    };
    if let Some(told) = told.take() {
        let _ = told.send(done);
    }
    Poll::Ready(Ok(StreamResult::Dropped))
}

/// A file that is read from a position on.
pub struct Reading<T: 'static> {
    fd: Arc<Fd>,
    offset: u64,
    host: Getter<T>,
    told: Option<oneshot::Sender<Done>>,
    calling: Calling,
    _held: Held,
}

impl<T> Reading<T> {
    pub fn new(
        fd: Arc<Fd>,
        offset: u64,
        host: Getter<T>,
        told: oneshot::Sender<Done>,
        held: Held,
    ) -> Reading<T> {
        let calling = Calling::default();
        Reading { fd, offset, host, told: Some(told), calling, _held: held }
    }

    /// It ends before it begins.
    pub fn refuse(&mut self, code: ErrorCode) {
        if let Some(told) = self.told.take() {
            let _ = told.send(Err(code));
        }
    }
}

impl<T: Send + 'static> StreamProducer<T> for Reading<T> {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, u8, VecBuffer<u8>>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let this = &mut *self;
        if this.told.is_none() {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        let wanted = destination.remaining(store.as_context_mut()).unwrap_or(MAX_TRANSFER);
        if wanted == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let (fd, offset) = (this.fd.number, this.offset);
        let size = wanted.min(MAX_TRANSFER);
        let host = (this.host)(store.data_mut());
        let lay_out = |host: &mut Host| host.read_call(fd, offset, size);
        match this.calling.poll(host, context, lay_out, |host| host.bytes_read()) {
            // What it reads is there for the next read.
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(bytes)) if bytes.is_empty() => end(&mut this.told, Ok(())),
            Poll::Ready(Ok(bytes)) => {
                this.offset += bytes.len() as u64;
                destination.set_buffer(VecBuffer::from(bytes));
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(error)) => end(&mut this.told, Err(error)),
        }
    }
}

/// A file that is written from a position on, or at its end.
pub struct Writing<T: 'static> {
    fd: Arc<Fd>,
    /// Nothing: at its end, which is looked for.
    offset: Option<u64>,
    appends: bool,
    host: Getter<T>,
    told: Option<oneshot::Sender<Done>>,
    calling: Calling,
    /// Taken from the guest and not written yet.
    rest: Vec<u8>,
    _held: Held,
}

impl<T> Writing<T> {
    pub fn new(
        fd: Arc<Fd>,
        offset: Option<u64>,
        host: Getter<T>,
        told: oneshot::Sender<Done>,
        held: Held,
    ) -> Writing<T> {
        Writing {
            fd,
            offset,
            appends: offset.is_none(),
            host,
            told: Some(told),
            calling: Calling::default(),
            rest: Vec::new(),
            _held: held,
        }
    }

    /// Writes what was taken.
    fn poll_rest(&mut self, host: &mut Host, context: &Context<'_>) -> Poll<FileResult<()>> {
        let fd = self.fd.number;
        while !self.rest.is_empty() {
            let Some(offset) = self.offset else {
                let size = |host: &mut Host| host.stat_found().size;
                match self.calling.poll(host, context, |host| host.stat_call(fd), size) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(size) => self.offset = Some(size?),
                }
                continue;
            };
            let rest = &self.rest;
            let lay_out = |host: &mut Host| host.write_call(fd, offset, rest);
            let written = match self.calling.poll(host, context, lay_out, |h| h.size_written()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(written) => written?.min(self.rest.len()),
            };
            if written == 0 {
                return Poll::Ready(Err(crate::files::ErrorCode::Io.into()));
            }
            self.rest.drain(..written);
            self.offset = (!self.appends).then_some(offset + written as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Send + 'static> StreamConsumer<T> for Writing<T> {
    type Item = u8;

    /// What was taken is written before the guest hears of it, even when it would cancel.
    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'_, T>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let mut source = source.as_direct(store.as_context_mut());
            let bytes = source.remaining();
            let taken = bytes.len().min(MAX_TRANSFER);
            this.rest.extend_from_slice(&bytes[..taken]);
            source.mark_read(taken);
        }
        let host = (this.host)(store.data_mut());
        match this.poll_rest(host, context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(Ok(StreamResult::Completed)),
            Poll::Ready(Err(error)) => end(&mut this.told, Err(error)),
        }
    }
}

/// The entries of a folder.
pub struct Listing<T: 'static> {
    fd: Arc<Fd>,
    /// Where it is read on; nothing: all was read.
    cookie: Option<u64>,
    host: Getter<T>,
    told: Option<oneshot::Sender<Done>>,
    calling: Calling,
    _held: Held,
}

impl<T> Listing<T> {
    pub fn new(
        fd: Arc<Fd>,
        host: Getter<T>,
        told: oneshot::Sender<Done>,
        held: Held,
    ) -> Listing<T> {
        let calling = Calling::default();
        Listing { fd, cookie: Some(0), host, told: Some(told), calling, _held: held }
    }
}

impl<T: Send + 'static> StreamProducer<T> for Listing<T> {
    type Item = DirectoryEntry;
    type Buffer = VecBuffer<DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, DirectoryEntry, VecBuffer<DirectoryEntry>>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let this = &mut *self;
        if destination.remaining(store.as_context_mut()) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let host = (this.host)(store.data_mut());
        let fd = this.fd.number;
        while let Some(cookie) = this.cookie {
            let lay_out = |host: &mut Host| host.entries_call(fd, cookie);
            let found = this.calling.poll(host, context, lay_out, |h| h.entries_found(cookie));
            let (entries, next) = match found {
                Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return end(&mut this.told, Err(error)),
                Poll::Ready(Ok(found)) => found,
            };
            this.cookie = next;
            if entries.is_empty() {
                continue;
            }
            let entries = entries
                .into_iter()
                .map(|old| DirectoryEntry { type_: descriptor_type(old.type_), name: old.name });
            destination.set_buffer(entries.collect::<Vec<_>>().into());
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        end(&mut this.told, Ok(()))
    }
}
