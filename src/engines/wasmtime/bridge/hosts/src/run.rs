//! What is known of a run while its future is suspended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use crate::commitment::{Account, Commitment};
use crate::streams::lock;

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
    /// After a request that ended well the instance takes another.
    kept: bool,
    /// It has answered one and waits for the next.
    rested: AtomicBool,
    pub bases: Bases,
    /// The time slice ended in the poll that is under way.
    slice_over: AtomicBool,
    /// There is more to do now (WASI 0.3's event loop says so to whoever polls it).
    woken: AtomicBool,
    /// Nothing is left to do, and nothing that C++ could bring is waited for.
    stuck: AtomicBool,
    /// Of WASI 0.3's host functions, streams and futures that wait for C++.
    waiters: Mutex<Vec<Waker>>,
    /// Descriptors of preview 1 that nobody holds any more, to be closed.
    dropped: Mutex<Vec<u32>>,
}

impl Run {
    pub fn new(memory_limit: u64, account: Option<Account>) -> Run {
        Run { commitment: Commitment::new(memory_limit, account), ..Run::default() }
    }

    /// The same, of an instance that is kept.
    pub fn kept(self) -> Run {
        Run { kept: true, ..self }
    }

    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// The instance has answered; what was refused to it is forgotten.
    pub fn rest(&self) {
        self.rested.store(true, Ordering::Relaxed);
        self.stuck.store(false, Ordering::Relaxed);
        self.commitment.forget_refusals();
    }

    pub fn is_resting(&self) -> bool {
        self.rested.load(Ordering::Relaxed)
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

    pub fn end_slice(&self) {
        self.slice_over.store(true, Ordering::Relaxed);
    }

    pub fn slice_is_over(&self) -> bool {
        self.slice_over.load(Ordering::Relaxed)
    }

    pub fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }

    /// Before each poll.
    pub fn begin_poll(&self) {
        self.set_waiting(false);
        self.rested.store(false, Ordering::Relaxed);
        self.slice_over.store(false, Ordering::Relaxed);
        self.woken.store(false, Ordering::Relaxed);
    }

    pub fn drop_descriptor(&self, number: u32) {
        lock(&self.dropped).push(number);
    }

    pub fn dropped_descriptor(&self) -> Option<u32> {
        lock(&self.dropped).pop()
    }

    /// Looked at again when C++ resumes the instance: it has been told what is waited for.
    pub fn wait(&self, context: &Context<'_>) {
        let mut waiters = lock(&self.waiters);
        if !waiters.last().is_some_and(|last| last.will_wake(context.waker())) {
            waiters.push(context.waker().clone());
        }
    }

    /// After a poll that did not end: does nobody wait for C++? Then nothing ever changes, unless
    /// who polls finds out by is_stuck() and ends the run.
    pub fn find_stuck(&self) -> bool {
        let is_stuck = lock(&self.waiters).is_empty();
        self.stuck.store(is_stuck, Ordering::Relaxed);
        is_stuck
    }

    pub fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// C++ does not say which of them: all look again.
    pub fn wake_waiters(&self) {
        let waiters = std::mem::take(&mut *lock(&self.waiters));
        waiters.into_iter().for_each(Waker::wake);
    }
}

impl Run {
    /// None of them will be polled again.
    pub fn forget_waiters(&self) {
        drop(std::mem::take(&mut *lock(&self.waiters)));
    }
}

impl Wake for Run {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
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
