//! What is known of a run while its future is suspended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::commitment::{Account, Commitment};

/// Memories, and tables, that one core module may define.
pub const MAX_MEMORIES: u32 = 8;

/// Used by one thread only; the atomics are relaxed (plain loads and stores) and there because a
/// store's data must be Send.
#[derive(Default)]
pub struct Run {
    pub commitment: Commitment,
    /// The suspension is a host function's, not the end of a time slice.
    waiting: AtomicBool,
    /// The first resume has come.
    started: AtomicBool,
    pub bases: Bases,
}

impl Run {
    pub fn new(memory_limit: u64, account: Option<Account>) -> Run {
        Run { commitment: Commitment::new(memory_limit, account), ..Run::default() }
    }

    pub fn set_waiting(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    pub fn waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    pub fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub fn started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }
}

/// Where the memories of an instance of a core module begin: in the pool a memory never moves.
#[derive(Default)]
pub struct Bases([AtomicUsize; MAX_MEMORIES as usize]);

impl Bases {
    pub fn set(&self, index: usize, base: *mut u8) {
        self.0[index].store(base as usize, Ordering::Relaxed);
    }

    /// 0: there is no such memory. None: there can be none.
    pub fn get(&self, index: usize) -> Option<usize> {
        self.0.get(index).map(|base| base.load(Ordering::Relaxed))
    }
}
