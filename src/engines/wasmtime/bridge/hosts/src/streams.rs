//! wasi:io: errors, pollables, input and output streams.

use std::sync::{Arc, Mutex};

use wasmtime::component::Resource;
use wasmtime::Result;

use crate::bindings::p2::wasi::http::types::ErrorCode;
use crate::bindings::p2::wasi::io::{error, poll, streams};
use crate::call::trap;
use crate::files::{self, FileStream};
use crate::host::{Callbacks, Host, MAX_RESOURCES};
use crate::outgoing::Body;

/// The most that one call reads, writes or says that it would take.
pub const MAX_TRANSFER: usize = 64 << 10;

/// The streams that every invocation has, by their numbers in engine::ComponentHost.
pub const STDIN: u32 = 0;
pub const STDOUT: u32 = 1;
pub const STDERR: u32 = 2;
pub const REQUEST_BODY: u32 = 3;
pub const RESPONSE_BODY: u32 = 4;

/// No stream: it is at its end, and takes nothing.
pub const GONE: u32 = u32::MAX;
/// No call.
pub const GONE_CALL: u32 = u32::MAX / 4;

/// The bodies of a request that goes out and of its response.
pub fn outbound_request_body(call: u32) -> u32 {
    5 + 2 * call
}
pub fn outbound_response_body(call: u32) -> u32 {
    6 + 2 * call
}

#[derive(Clone, Debug, Default)]
pub struct IoError {
    pub text: String,
    pub http: Option<ErrorCode>,
    pub file: Option<files::ErrorCode>,
}

/// How a stream's function fails.
#[derive(Debug)]
pub enum StreamError {
    Closed,
    Failed(IoError),
    Trap(wasmtime::Error),
}

impl From<wasmtime::Error> for StreamError {
    fn from(error: wasmtime::Error) -> StreamError {
        StreamError::Trap(error)
    }
}
impl From<wasmtime::component::ResourceTableError> for StreamError {
    fn from(error: wasmtime::component::ResourceTableError) -> StreamError {
        StreamError::Trap(error.into())
    }
}

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
impl std::error::Error for StreamError {}

pub type StreamResult<T> = std::result::Result<T, StreamError>;

#[derive(Debug)]
pub enum InputStream {
    /// One of C++'s.
    Numbered(u32),
    File(FileStream),
}

#[derive(Debug)]
pub enum OutputStream {
    Numbered(u32),
    File(FileStream),
    /// Of a body that may not know yet where it goes.
    Body(Arc<Mutex<Body>>),
}

#[derive(Clone, Debug)]
pub enum Pollable {
    Always,
    /// A time of the monotonic clock.
    Until(u64),
    Readable(u32),
    /// A body that is read to its end: what is left of it is thrown away.
    AtEnd(u32),
    Writable(u32),
    BodyWritable(Arc<Mutex<Body>>),
    Response(u32),
}

/// What a read found.
pub enum Read {
    Bytes(Vec<u8>),
    End,
    Pending,
    Failed,
}

/// What a read into a given place found.
pub enum ReadInto {
    Bytes(usize),
    End,
    Pending,
    Failed,
}

impl Callbacks {
    pub(crate) fn read(&self, stream: u32, size: usize) -> Read {
        let size = size.min(MAX_TRANSFER);
        let mut bytes = Vec::<u8>::with_capacity(size);
        match self.read_raw(stream, bytes.as_mut_ptr(), size) {
            ReadInto::Bytes(read) => {
                // SAFETY: C++ has written `read` <= `size` bytes.
                unsafe { bytes.set_len(read) };
                Read::Bytes(bytes)
            }
            ReadInto::End => Read::End,
            ReadInto::Pending => Read::Pending,
            ReadInto::Failed => Read::Failed,
        }
    }

    pub(crate) fn read_into(&self, stream: u32, out: &mut [u8]) -> ReadInto {
        self.read_raw(stream, out.as_mut_ptr(), out.len())
    }

    /// `out` has room for `size` bytes; not more are ever said to be read.
    fn read_raw(&self, stream: u32, out: *mut u8, size: usize) -> ReadInto {
        let mut read = 0;
        match (self.functions.read)(self.context, stream, out, size, &mut read) {
            0 => ReadInto::Bytes(read.min(size)),
            1 => ReadInto::End,
            2 => ReadInto::Pending,
            _ => ReadInto::Failed,
        }
    }

    pub(crate) fn write(&self, stream: u32, bytes: &[u8]) -> usize {
        (self.functions.write)(self.context, stream, bytes.as_ptr(), bytes.len())
    }

    pub(crate) fn wait_readable(&self, stream: u32) -> bool {
        (self.functions.wait_readable)(self.context, stream)
    }

    /// None when it is closed; 0 when it is full.
    pub(crate) fn wait_writable(&self, stream: u32) -> Option<usize> {
        match (self.functions.wait_writable)(self.context, stream) {
            usize::MAX => None,
            room => Some(room),
        }
    }

    /// Throws away what comes; true when nothing more will.
    pub(crate) fn drained(&self, stream: u32) -> bool {
        loop {
            match self.read(stream, MAX_TRANSFER) {
                Read::Bytes(_) => {}
                Read::Pending => return false,
                Read::End | Read::Failed => return true,
            }
        }
    }

    /// A number of capability::OutboundFailure.
    pub(crate) fn failure_number(&self, stream: u32) -> u8 {
        (self.functions.failure)(self.context, stream)
    }

    pub(crate) fn failure(&self, stream: u32) -> ErrorCode {
        crate::p2::error_code(self.failure_number(stream))
    }

    pub(crate) fn stream_error(&self, stream: u32) -> StreamError {
        let code = self.failure(stream);
        StreamError::Failed(IoError {
            text: format!("{code:?}"),
            http: Some(code),
            ..IoError::default()
        })
    }
}

impl Host {
    /// Is it so? When not, the instance will be woken.
    fn is_ready(&self, pollable: &Pollable) -> Result<bool> {
        let callbacks = self.callbacks()?;
        Ok(match pollable {
            Pollable::Always => true,
            Pollable::Until(deadline) => {
                let passed = (callbacks.functions.now)(callbacks.context) >= *deadline;
                if !passed {
                    (callbacks.functions.wait_until)(callbacks.context, *deadline);
                }
                passed
            }
            Pollable::Readable(stream) => callbacks.wait_readable(*stream),
            Pollable::AtEnd(stream) => {
                callbacks.drained(*stream) || callbacks.wait_readable(*stream)
            }
            Pollable::Writable(stream) => callbacks.wait_writable(*stream) != Some(0),
            Pollable::BodyWritable(body) => {
                let body = lock(body);
                if body.is_stuck() {
                    return Err(trap(crate::outgoing::STUCK));
                }
                body.room(&callbacks) != Some(0)
            }
            Pollable::Response(call) => callbacks.response(*call).is_some(),
        })
    }

    async fn read_now(
        &mut self,
        stream: &Resource<InputStream>,
        size: u64,
    ) -> StreamResult<Option<Vec<u8>>> {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(MAX_TRANSFER);
        let number = match self.table.get(stream)? {
            InputStream::Numbered(number) => *number,
            InputStream::File(file) => {
                let (fd, offset) = (file.fd.number, file.offset);
                let bytes = self.file_read(fd, offset, size).await?;
                if bytes.is_empty() && size > 0 {
                    return Err(StreamError::Closed);
                }
                if let InputStream::File(file) = self.table.get_mut(stream)? {
                    file.offset += bytes.len() as u64;
                }
                return Ok(Some(bytes));
            }
        };
        if size == 0 {
            return Ok(Some(Vec::new()));
        }
        let callbacks = self.callbacks()?;
        match callbacks.read(number, size) {
            Read::Bytes(bytes) => Ok(Some(bytes)),
            Read::End => Err(StreamError::Closed),
            Read::Pending => Ok(None),
            Read::Failed => Err(callbacks.stream_error(number)),
        }
    }

    /// At least a byte, unless `size` is 0.
    async fn read_blocking(
        &mut self,
        stream: &Resource<InputStream>,
        size: u64,
    ) -> StreamResult<Vec<u8>> {
        loop {
            if let Some(bytes) = self.read_now(stream, size).await? {
                return Ok(bytes);
            }
            if let InputStream::Numbered(number) = self.table.get(stream)? {
                if !self.callbacks()?.wait_readable(*number) {
                    self.wait().await;
                }
            }
        }
    }

    /// Room of a stream, 0 when it is full; the instance is woken then when it is not.
    fn room(&self, stream: &Resource<OutputStream>) -> StreamResult<usize> {
        let room = match self.table.get(stream)? {
            OutputStream::Numbered(number) => self.callbacks()?.wait_writable(*number),
            OutputStream::File(_) => Some(MAX_TRANSFER),
            OutputStream::Body(body) => lock(body).room(&self.callbacks()?),
        };
        room.map(|room| room.min(MAX_TRANSFER)).ok_or(StreamError::Closed)
    }

    /// Takes all of `bytes`, however long that lasts.
    async fn write_all(
        &mut self,
        stream: &Resource<OutputStream>,
        bytes: &[u8],
    ) -> StreamResult<()> {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            let taken = match self.table.get(stream)? {
                OutputStream::Numbered(number) => self.callbacks()?.write(*number, rest),
                OutputStream::Body(body) => lock(body).write(&self.callbacks()?, rest)?,
                OutputStream::File(file) => {
                    let file = file.clone();
                    let taken = self.file_write(&file, rest).await?;
                    if let OutputStream::File(file) = self.table.get_mut(stream)? {
                        file.offset += taken as u64;
                    }
                    taken
                }
            };
            written += taken;
            if taken == 0 && self.room(stream)? == 0 {
                self.wait().await;
            }
        }
        Ok(())
    }
}

/// A mutex of one thread's data: never poisoned, for nobody panics while holding it.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl error::Host for Host {}

impl error::HostError for Host {
    fn to_debug_string(&mut self, this: Resource<IoError>) -> Result<String> {
        Ok(self.table.get(&this)?.text.clone())
    }

    fn drop(&mut self, this: Resource<IoError>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl poll::Host for Host {
    async fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        if pollables.is_empty() {
            return Err(trap("a poll of nothing"));
        }
        if pollables.len() > MAX_RESOURCES {
            return Err(trap("a poll of more than there can be"));
        }
        loop {
            let mut ready = Vec::new();
            for (index, pollable) in pollables.iter().enumerate() {
                if self.is_ready(self.table.get(pollable)?)? {
                    ready.push(index as u32);
                }
            }
            if !ready.is_empty() {
                return Ok(ready);
            }
            self.wait().await;
        }
    }
}

impl poll::HostPollable for Host {
    fn ready(&mut self, this: Resource<Pollable>) -> Result<bool> {
        self.is_ready(self.table.get(&this)?)
    }

    async fn block(&mut self, this: Resource<Pollable>) -> Result<()> {
        while !self.is_ready(self.table.get(&this)?)? {
            self.wait().await;
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<Pollable>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl streams::Host for Host {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::Failed(error) => {
                Ok(streams::StreamError::LastOperationFailed(self.table.push(error)?))
            }
            StreamError::Trap(error) => Err(error),
        }
    }
}

impl streams::HostInputStream for Host {
    async fn read(&mut self, this: Resource<InputStream>, len: u64) -> StreamResult<Vec<u8>> {
        Ok(self.read_now(&this, len).await?.unwrap_or_default())
    }

    async fn blocking_read(
        &mut self,
        this: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        self.read_blocking(&this, len).await
    }

    async fn skip(&mut self, this: Resource<InputStream>, len: u64) -> StreamResult<u64> {
        Ok(self.read_now(&this, len).await?.unwrap_or_default().len() as u64)
    }

    async fn blocking_skip(&mut self, this: Resource<InputStream>, len: u64) -> StreamResult<u64> {
        Ok(self.read_blocking(&this, len).await?.len() as u64)
    }

    fn subscribe(&mut self, this: Resource<InputStream>) -> Result<Resource<Pollable>> {
        let pollable = match self.table.get(&this)? {
            InputStream::Numbered(number) => Pollable::Readable(*number),
            InputStream::File(_) => Pollable::Always,
        };
        Ok(self.table.push_child(pollable, &this)?)
    }

    fn drop(&mut self, this: Resource<InputStream>) -> Result<()> {
        self.table.delete(this)?;
        self.close_dropped()
    }
}

impl streams::HostOutputStream for Host {
    fn check_write(&mut self, this: Resource<OutputStream>) -> StreamResult<u64> {
        Ok(self.room(&this)? as u64)
    }

    async fn write(&mut self, this: Resource<OutputStream>, contents: Vec<u8>) -> StreamResult<()> {
        self.write_all(&this, &contents).await
    }

    async fn blocking_write_and_flush(
        &mut self,
        this: Resource<OutputStream>,
        contents: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_all(&this, &contents).await
    }

    /// What was taken is on its way.
    fn flush(&mut self, this: Resource<OutputStream>) -> StreamResult<()> {
        self.table.get(&this)?;
        Ok(())
    }

    async fn blocking_flush(&mut self, this: Resource<OutputStream>) -> StreamResult<()> {
        streams::HostOutputStream::flush(self, this)
    }

    fn subscribe(&mut self, this: Resource<OutputStream>) -> Result<Resource<Pollable>> {
        let pollable = match self.table.get(&this)? {
            OutputStream::Numbered(number) => Pollable::Writable(*number),
            OutputStream::File(_) => Pollable::Always,
            OutputStream::Body(body) => Pollable::BodyWritable(body.clone()),
        };
        Ok(self.table.push_child(pollable, &this)?)
    }

    async fn write_zeroes(&mut self, this: Resource<OutputStream>, len: u64) -> StreamResult<()> {
        let size = usize::try_from(len).ok().filter(|size| *size <= MAX_TRANSFER);
        let size = size.ok_or_else(|| trap("more zeroes than check-write permits"))?;
        self.write_all(&this, &vec![0; size]).await
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        this: Resource<OutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        streams::HostOutputStream::write_zeroes(self, this, len).await
    }

    async fn splice(
        &mut self,
        this: Resource<OutputStream>,
        source: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let room = self.room(&this)? as u64;
        if room == 0 || len == 0 {
            return Ok(0);
        }
        let bytes = self.read_now(&source, len.min(room)).await?.unwrap_or_default();
        self.write_all(&this, &bytes).await?;
        Ok(bytes.len() as u64)
    }

    async fn blocking_splice(
        &mut self,
        this: Resource<OutputStream>,
        source: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let bytes = self.read_blocking(&source, len).await?;
        self.write_all(&this, &bytes).await?;
        Ok(bytes.len() as u64)
    }

    fn drop(&mut self, this: Resource<OutputStream>) -> Result<()> {
        self.table.delete(this)?;
        self.close_dropped()
    }
}
