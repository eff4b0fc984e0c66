//! Calls of C++ host functions, and how a guest waits for them.

use std::ffi::{c_void, CStr};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use wasmtime::{Error, Result};

use crate::types::{GodwitHostCall, GodwitHostEnd};

/// The guest ended itself.
#[derive(Debug)]
pub struct Exit(pub i32);
/// A host function refused to go on.
#[derive(Debug)]
pub struct HostTrap(pub String);

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit with code {}", self.0)
    }
}
impl std::error::Error for Exit {}
impl std::fmt::Display for HostTrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for HostTrap {}

pub fn trap(text: impl Into<String>) -> Error {
    Error::new(HostTrap(text.into()))
}

/// What a call needs: the C++ function that serves all, and which of its table it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    pub call: GodwitHostCall,
    pub function: *const c_void,
}
// SAFETY: `function` points into the C++ table of host functions, which is constant and outlives
// the module (the contract of godwit_module_load); C++ may be called from any thread.
unsafe impl Send for Binding {}
// SAFETY: as above; the table is never written.
unsafe impl Sync for Binding {}

pub enum Step {
    Done,
    Pending,
}

/// C++'s engine::HostState of an invocation.
#[derive(Clone, Copy)]
pub struct HostState(pub *mut c_void);
// SAFETY: it is only handed back to C++, on the thread that runs the instance.
unsafe impl Send for HostState {}

impl Binding {
    /// One attempt. `values` has room for `arguments` arguments and for one result, 16 bytes each;
    /// `memory` is where the function finds what its arguments point to.
    pub fn invoke(
        &self,
        state: HostState,
        values: *mut c_void,
        arguments: usize,
        memory: (*mut u8, usize),
    ) -> Result<Step> {
        if state.0.is_null() {
            return Err(trap("the run has no host state"));
        }
        let mut end = GodwitHostEnd { exit_code: 0, trap_message: std::ptr::null() };
        let status =
            (self.call)(self.function, state.0, values, arguments, memory.0, memory.1, &mut end);
        match status {
            0 => Ok(Step::Done),
            1 => Ok(Step::Pending),
            2 => Err(Error::new(Exit(end.exit_code))),
            _ => Err(trap(trap_text(&end))),
        }
    }
}

const MAX_TRAP_CHARACTERS: usize = 512;

fn trap_text(end: &GodwitHostEnd) -> String {
    if end.trap_message.is_null() {
        return String::new();
    }
    // SAFETY: the contract of GodwitHostEnd: static, NUL-terminated text.
    let text = unsafe { CStr::from_ptr(end.trap_message) };
    text.to_string_lossy().chars().take(MAX_TRAP_CHARACTERS).collect()
}

/// Pending once, ready when polled again. Nobody is woken: C++ resumes the instance.
pub struct SuspendOnce(pub bool);

impl Future for SuspendOnce {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}
