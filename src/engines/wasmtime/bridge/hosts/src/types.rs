//! The types of the C ABI that host functions need. With ../../src/types.rs and ../../src/abi.rs
//! everything that C++ sees; it keeps to what cbindgen 0.24 (syn 1) can parse.

use std::ffi::{c_char, c_void};

/// Bytes that the caller owns. `data` may be null when `size` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GodwitSpan {
    pub data: *const u8,
    pub size: usize,
}

impl GodwitSpan {
    /// # Safety
    /// `data` points to `size` readable bytes that do not change for `'a`, or is null.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: the contract of this function.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }
}

/// Who pays for the memories, tables and heaps of one instance (engine::MemoryAccount). Both are
/// called on the instance's thread and never unwind; `context` is handed to them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GodwitMemoryAccount {
    pub context: *mut c_void,
    /// False: the growth is refused.
    pub charge: extern "C" fn(context: *mut c_void, bytes: u64) -> bool,
    pub release: extern "C" fn(context: *mut c_void, bytes: u64),
}

/// What a host function that ended the guest says besides its status.
#[repr(C)]
pub struct GodwitHostEnd {
    pub exit_code: i32,
    /// Static text, NUL-terminated, or null.
    pub trap_message: *const c_char,
}

/// Calls the host function that `function` stands for. `values` holds `argument_count` arguments
/// (16 bytes each, aligned to 8) and has room for one result, which is written to its first place.
/// `memory` and `memory_size` are valid only during this call. Never unwinds. Returns a
/// `HostStatus` of engine/host_function.h.
pub type GodwitHostCall = extern "C" fn(
    function: *const c_void,
    state: *mut c_void,
    values: *mut c_void,
    argument_count: usize,
    memory: *mut u8,
    memory_size: usize,
    end: *mut GodwitHostEnd,
) -> u8;

/// One header or trailer field.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GodwitField {
    pub name: GodwitSpan,
    pub value: GodwitSpan,
}

/// The head of a request. Of one that comes in, the spans stay until the instance is gone; of one
/// that goes out, for the call. A span whose data is null is absent.
#[repr(C)]
pub struct GodwitRequestHead {
    pub method: GodwitSpan,
    /// "http" or "https".
    pub scheme: GodwitSpan,
    pub authority: GodwitSpan,
    pub path_with_query: GodwitSpan,
    pub fields: *const GodwitField,
    pub field_count: usize,
    /// Nanoseconds, of requests that go out; 0: none.
    pub connect_timeout: u64,
    pub first_byte_timeout: u64,
    pub between_bytes_timeout: u64,
}

/// What a component reaches of its invocation besides preview 1's functions (engine::ComponentHost,
/// which says what each does and when it wakes the instance). All are called on the instance's
/// thread with the context of godwit_instance_new and never unwind. Streams are numbered as there.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GodwitComponentHost {
    /// Nanoseconds of the guest's monotonic clock.
    pub now: extern "C" fn(context: *mut c_void) -> u64,
    pub wait_until: extern "C" fn(context: *mut c_void, deadline: u64),
    /// 0: `*read` bytes, 1: the end, 2: nothing yet, 3: it failed.
    pub read: extern "C" fn(
        context: *mut c_void,
        stream: u32,
        out: *mut u8,
        size: usize,
        read: *mut usize,
    ) -> u8,
    /// True when a read would not say "nothing yet"; else the instance is woken when it would not.
    pub wait_readable: extern "C" fn(context: *mut c_void, stream: u32) -> bool,
    /// How many bytes were taken.
    pub write:
        extern "C" fn(context: *mut c_void, stream: u32, data: *const u8, size: usize) -> usize,
    /// Room in bytes; 0: full, the instance is woken when it is not; SIZE_MAX: closed.
    pub wait_writable: extern "C" fn(context: *mut c_void, stream: u32) -> usize,
    /// Why reading the stream failed: a number of capability::OutboundFailure.
    pub failure: extern "C" fn(context: *mut c_void, stream: u32) -> u8,
    /// The trailers of a stream that has been read to its end; false when there is no such one.
    pub trailer: extern "C" fn(
        context: *mut c_void,
        stream: u32,
        index: usize,
        out: *mut GodwitField,
    ) -> bool,
    /// All was written. Trailers are refused (false) when they can't be sent.
    pub finish: extern "C" fn(
        context: *mut c_void,
        stream: u32,
        trailers: *const GodwitField,
        count: usize,
    ) -> bool,
    /// What was written will never be whole.
    pub abort: extern "C" fn(context: *mut c_void, stream: u32),
    /// What is configured for the function, one by one; false when there is no such one.
    pub configured:
        extern "C" fn(context: *mut c_void, index: usize, out: *mut GodwitField) -> bool,
    /// False when the invocation has no request.
    pub request: extern "C" fn(context: *mut c_void, out: *mut GodwitRequestHead) -> bool,
    pub request_field:
        extern "C" fn(context: *mut c_void, index: usize, out: *mut GodwitField) -> bool,
    /// False when the head can't be sent: too large, or not the first.
    pub respond: extern "C" fn(
        context: *mut c_void,
        status: u16,
        fields: *const GodwitField,
        count: usize,
    ) -> bool,
    /// The guest answers its request with an error: its text, for the log.
    pub respond_with_error: extern "C" fn(context: *mut c_void, text: GodwitSpan),
    /// Begins a request. 255 and its number in `*call`, or why it was refused.
    pub send:
        extern "C" fn(context: *mut c_void, head: *const GodwitRequestHead, call: *mut u32) -> u8,
    /// 0: pending, the instance is woken later; 1: the response is there, with `*status`; 2: it
    /// failed, with `*failure`.
    pub wait_response:
        extern "C" fn(context: *mut c_void, call: u32, status: *mut u16, failure: *mut u8) -> u8,
    pub response_field:
        extern "C" fn(context: *mut c_void, call: u32, index: usize, out: *mut GodwitField) -> bool,
    /// Nobody is interested in the call any more.
    pub drop_call: extern "C" fn(context: *mut c_void, call: u32),
}
