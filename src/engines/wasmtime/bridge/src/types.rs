//! The types of the C ABI. This file and abi.rs keep to what cbindgen 0.24 (syn 1) can parse.

use std::ffi::c_void;

pub use godwit_hosts::types::*;

/// How a call ended. The values are part of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum GodwitStatus {
    Ok = 0,
    /// Not a valid WebAssembly binary.
    Malformed = 1,
    /// Valid only with a proposal that is off, or beyond what the pool can hold.
    UnsupportedFeature = 2,
    CompileFailed = 3,
    /// The artifact was made by another engine, version, configuration or CPU, or is damaged.
    ArtifactInvalid = 4,
    UnknownImport = 5,
    ImportSignature = 6,
    /// Initial memories and tables exceed the limit.
    MemoryMinimum = 7,
    /// The pool of sandboxes is exhausted.
    Overloaded = 8,
    /// No exported function of that name and of type () -> ().
    NoEntry = 9,
    TextMalformed = 10,
    /// The platform refused, or a defect (a panic) was caught.
    Internal = 11,
}

/// The values of engine::Progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GodwitProgress {
    Done = 0,
    Yielded = 1,
    Waiting = 2,
    /// Of an instance that is kept: its request was answered, the next resume begins another.
    Rested = 3,
}

/// Bytes that Rust owns; the receiver calls godwit_bytes_free once. `data` is null when `size` is 0.
#[repr(C)]
pub struct GodwitBytes {
    pub data: *mut u8,
    pub size: usize,
}

#[repr(C)]
pub struct GodwitEngineConfig {
    /// True: runtime engine with a pool of sandboxes. False: compiler, which reserves nothing.
    pub pooled: bool,
    /// Compile on several threads.
    pub parallel_compilation: bool,
    /// Sandboxes at once; each reserves about 4 GiB of address space.
    pub instances: u32,
    /// Fiber stack for host functions, on top of the guest's 512 KiB.
    pub host_stack_bytes: usize,
    /// Bytes of each memory (from its start) that are reset by copying and stay resident.
    pub memory_keep_resident_bytes: usize,
    /// The same for each table.
    pub table_keep_resident_bytes: usize,
}

/// One row of the table of host functions. Value types are numbered as engine::ValueType.
#[repr(C)]
pub struct GodwitHostFunction {
    pub module: GodwitSpan,
    pub name: GodwitSpan,
    pub parameters: GodwitSpan,
    /// None or one.
    pub results: GodwitSpan,
    pub may_wait: bool,
    /// Given to GodwitHostCall; outlives the module.
    pub function: *const c_void,
}

#[repr(C)]
pub struct GodwitLimits {
    /// All memories and tables of an instance together.
    pub memory_bytes: u64,
    /// Of GodwitOutcome::detail.
    pub detail_bytes: usize,
}

/// How a run ended; the numbers are those of engine::OutcomeKind and engine::Trap.
#[repr(C)]
pub struct GodwitOutcome {
    pub kind: u8,
    pub trap: u8,
    pub exit_code: i32,
    /// UTF-8; godwit_bytes_free.
    pub detail: GodwitBytes,
}
