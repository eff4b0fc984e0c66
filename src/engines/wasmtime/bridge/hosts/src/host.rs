//! Host: one invocation as a component sees it. The interfaces of WASI are implemented for it, one
//! file for each group; all they do is call C++: preview 1's functions for files, random bytes,
//! environment and arguments, and the functions of GodwitComponentHost for streams, clocks and
//! HTTP.
//!
//! Waiting is level-triggered: a function that finds nothing to do has registered with C++ who is
//! to be woken, suspends the guest, and looks again when the instance is resumed.

use std::ffi::c_void;
use std::sync::Arc;

use wasmtime::component::{Resource, ResourceTable};

use crate::call::SuspendOnce;
use crate::preview1::Preview1;
use crate::run::Run;
use crate::types::GodwitComponentHost;

/// Resources that one guest may have at once.
pub const MAX_RESOURCES: usize = 4096;

/// C++'s engine::ComponentHost of an invocation, and the functions to call it by.
#[derive(Clone, Copy)]
pub struct Callbacks {
    pub functions: &'static GodwitComponentHost,
    pub context: *mut c_void,
}
// SAFETY: the context is only handed back to C++, on the thread that runs the instance.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

pub struct Host {
    pub(crate) table: ResourceTable,
    pub(crate) callbacks: Option<Callbacks>,
    pub(crate) preview1: Preview1,
    pub(crate) run: Arc<Run>,
    /// Held, beside this, by all that sends a request of WASI 0.3.
    pub(crate) sending: Arc<()>,
}

impl Host {
    /// Without callbacks and with an empty Preview1: for trial instances, of which nothing runs.
    pub fn new(preview1: Preview1, callbacks: Option<Callbacks>, run: Arc<Run>) -> Host {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Host { table, callbacks, preview1, run, sending: Arc::new(()) }
    }

    /// A request to others is still under way in the store's event loop.
    pub fn is_sending(&self) -> bool {
        Arc::strong_count(&self.sending) > 1
    }

    /// Hands the guest a resource.
    pub fn push<R: Send + 'static>(&mut self, resource: R) -> wasmtime::Result<Resource<R>> {
        Ok(self.table.push(resource)?)
    }

    pub(crate) fn callbacks(&self) -> wasmtime::Result<Callbacks> {
        self.callbacks.ok_or_else(|| crate::call::trap("the run has no component host"))
    }

    /// Until C++ resumes the instance.
    pub(crate) async fn wait(&mut self) {
        self.run.set_waiting(true);
        SuspendOnce(false).await;
    }
}

/// Host memory that is kept for a guest, counted as long as this lives.
pub struct Held {
    run: Arc<Run>,
    bytes: u64,
}

impl Held {
    pub fn nothing(run: &Arc<Run>) -> Held {
        Held { run: run.clone(), bytes: 0 }
    }

    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// False, and nothing changes, when the guest may not have so much more.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let granted = self.run.commitment.host_take(bytes as u64);
        if granted {
            self.bytes += bytes as u64;
        }
        granted
    }

    pub fn shrink(&mut self, bytes: usize) {
        let bytes = (bytes as u64).min(self.bytes);
        self.bytes -= bytes;
        self.run.commitment.host_give(bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.run.commitment.host_give(self.bytes);
    }
}
