//! One fresh sandbox and the run in it: a future that is polled by hand.
//!
//! The future owns the store. Its first poll, in `Instance::new`, takes the places in the pool and
//! instantiates, so that an exhausted pool is known before the guest runs. (What instantiation
//! copies meets an epoch deadline that has passed already, and is put off.) Every later poll runs
//! the guest, its start function first, until it ends, waits, or its time slice is over.
//!
//! What a large run leaves stays until it was given back in steps (shed.rs) or the instance goes.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wasmtime::{
    Memory, ModuleExport, PoolConcurrencyLimitError, ResourceLimiter, Store, TypedFunc,
};

use crate::account::{Account, Charged};
use crate::engine::{MAX_MEMORY_BYTES, MAX_TABLE_ELEMENTS};
use crate::error::{error_text, Failure, Outcome};
use crate::host::SuspendOnce;
use crate::module::{memory_of, minimum_failure, Loaded, TABLE_ELEMENT_BYTES};
use crate::outcome::RunOutcome;
use crate::shed::{Bases, Shedding, SMALL_BYTES};
use crate::types::{GodwitMemoryAccount, GodwitProgress, GodwitStatus};

/// What is known of a run while its future is suspended. Used by one thread only; the atomics are
/// relaxed (plain loads and stores) and there because a store's data must be Send.
#[derive(Default)]
pub struct State {
    /// Memories, tables and heaps of collected objects, in bytes; the account was charged with
    /// exactly this.
    pub memory_bytes: AtomicU64,
    /// A growth was refused.
    pub refused: AtomicBool,
    /// The account refused it.
    account_refused: AtomicBool,
    /// The suspension is a host function's, not the end of a time slice.
    pub waiting: AtomicBool,
    /// The first resume has come.
    started: AtomicBool,
    bases: Bases,
}

/// The data of a store.
pub struct StoreData {
    pub module: Arc<Loaded>,
    pub state: Arc<State>,
    pub memory: Option<Memory>,
    host_state: HostState,
    account: Option<Account>,
    /// Bytes of the growth that was granted last.
    granted_bytes: u64,
}

/// C++'s engine::HostState of this invocation.
struct HostState(*mut c_void);
// SAFETY: it is only handed back to C++, on the thread that runs the instance.
unsafe impl Send for HostState {}

impl StoreData {
    fn new(
        module: &Arc<Loaded>,
        state: &Arc<State>,
        host_state: *mut c_void,
        account: Option<Account>,
    ) -> StoreData {
        StoreData {
            module: module.clone(),
            state: state.clone(),
            memory: None,
            host_state: HostState(host_state),
            account,
            granted_bytes: 0,
        }
    }

    pub fn host_state(&self) -> *mut c_void {
        self.host_state.0
    }

    /// The growth that was granted last did not happen: the operating system refused.
    fn take_back(&mut self) {
        let bytes = std::mem::take(&mut self.granted_bytes);
        if bytes == 0 {
            return;
        }
        let total = self.state.memory_bytes.load(Ordering::Relaxed);
        self.state.memory_bytes.store(total.saturating_sub(bytes), Ordering::Relaxed);
        self.refuse();
        if let Some(account) = &self.account {
            account.release(bytes);
        }
    }

    fn refuse(&self) -> bool {
        self.state.refused.store(true, Ordering::Relaxed);
        false
    }

    /// `room`: what the pool has. Whatever is granted here can fail only in the operating system.
    fn growing(
        &mut self,
        (current, desired): (usize, usize),
        maximum: Option<usize>,
        room: usize,
        unit: u64,
    ) -> bool {
        self.granted_bytes = 0;
        let bytes = (desired.saturating_sub(current) as u64).saturating_mul(unit);
        let total = self.state.memory_bytes.load(Ordering::Relaxed).saturating_add(bytes);
        if total > self.module.limits.memory_bytes {
            return self.refuse();
        }
        // Beyond its own maximum a growth fails without any limit of ours. (Bounded by the pool's
        // room, it is ours.)
        if maximum.is_some_and(|maximum| maximum < room && desired > maximum) {
            return false;
        }
        if desired > room {
            return self.refuse();
        }
        if bytes != 0 && self.account.is_some_and(|account| !account.charge(bytes)) {
            self.state.account_refused.store(true, Ordering::Relaxed);
            return self.refuse();
        }
        self.state.memory_bytes.store(total, Ordering::Relaxed);
        self.granted_bytes = bytes;
        true
    }
}

impl ResourceLimiter for StoreData {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.growing((current, desired), maximum, MAX_MEMORY_BYTES, 1))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Wasmtime also reports growths here that it never asked for; taking the one before back
        // then would let a guest have memory for nothing.
        if error.is::<std::io::Error>() {
            self.take_back();
        }
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.growing((current, desired), maximum, MAX_TABLE_ELEMENTS, TABLE_ELEMENT_BYTES))
    }

    // table_grow_failed: a granted growth of a table does not fail, the pool has its room.
}

type Run = Pin<Box<dyn Future<Output = RunEnd> + Send>>;
type RunEnd = (wasmtime::Result<()>, Store<StoreData>);

enum Sandbox {
    Live(Run),
    /// The run is over; what it leaves is large.
    Left(#[allow(dead_code)] Store<StoreData>),
    /// It has gone back to the pool.
    Gone,
}

pub struct Instance {
    sandbox: Sandbox,
    shedding: Option<Shedding>,
    /// After `sandbox`: released when that is gone.
    charged: Charged,
    state: Arc<State>,
    outcome: Option<RunOutcome>,
    detail_bytes: usize,
}

impl Instance {
    pub fn new(
        module: &Arc<Loaded>,
        host_state: *mut c_void,
        account: Option<GodwitMemoryAccount>,
        entry: &str,
    ) -> Outcome<Instance> {
        let entry = module.entry(entry)?;
        let account = account.map(Account);
        let state = Arc::new(State::default());
        let Some(charged) = Charged::new(account, module.host_bytes, &state) else {
            let text = "the account has no room for what the instance takes of the host";
            return Err(Failure::new(GodwitStatus::Overloaded, text));
        };
        let data = StoreData::new(module, &state, host_state, account);
        let mut instance = Instance {
            sandbox: Sandbox::Live(Box::pin(run(data, entry))),
            shedding: None,
            charged,
            state,
            outcome: None,
            detail_bytes: module.limits.detail_bytes,
        };
        match instance.poll() {
            None | Some(Poll::Pending) => {}
            Some(Poll::Ready((Err(error), _))) if instance.overloaded(&error) => {
                return Err(Failure::new(GodwitStatus::Overloaded, error_text(&error)));
            }
            Some(Poll::Ready(end)) => instance.end(end),
        }
        Ok(instance)
    }

    /// The first poll failed for want of room in the pool or in the account.
    fn overloaded(&self, error: &wasmtime::Error) -> bool {
        error.is::<PoolConcurrencyLimitError>()
            || self.state.account_refused.load(Ordering::Relaxed)
    }

    /// None when there is nothing to run. Nobody needs the waker: C++ knows what its host functions
    /// wait for.
    fn poll(&mut self) -> Option<Poll<RunEnd>> {
        match &mut self.sandbox {
            // A guest whose memories are being given back must not see them.
            Sandbox::Live(run) if self.shedding.is_none() => {
                Some(run.as_mut().poll(&mut Context::from_waker(Waker::noop())))
            }
            _ => None,
        }
    }

    pub fn resume(&mut self) -> GodwitProgress {
        self.state.waiting.store(false, Ordering::Relaxed);
        self.state.started.store(true, Ordering::Relaxed);
        match self.poll() {
            None => GodwitProgress::Done,
            Some(Poll::Ready(end)) => {
                self.end(end);
                GodwitProgress::Done
            }
            Some(Poll::Pending) if self.state.waiting.load(Ordering::Relaxed) => {
                GodwitProgress::Waiting
            }
            Some(Poll::Pending) => GodwitProgress::Yielded,
        }
    }

    /// Gives back about `bytes` of what the run has in its memories; false when there is no more.
    /// The guest is not resumed any more.
    pub fn shed(&mut self, bytes: u64) -> bool {
        if matches!(self.sandbox, Sandbox::Gone) {
            return false;
        }
        let largest = self.memory_bytes().min(MAX_MEMORY_BYTES as u64);
        let shedding = self.shedding.get_or_insert_default();
        // SAFETY: the sandbox, with its memories, is there; poll() does not resume it any more.
        unsafe { shedding.step(&self.state.bases, largest, bytes) }
    }

    /// How the run ended; once.
    pub fn take_outcome(&mut self) -> Option<RunOutcome> {
        self.outcome.take()
    }

    pub fn memory_bytes(&self) -> u64 {
        self.state.memory_bytes.load(Ordering::Relaxed)
    }

    /// After a caught panic: the sandbox is not used again.
    pub fn fail(&mut self, text: &str) {
        self.outcome = Some(RunOutcome::defect(text));
        self.sandbox = Sandbox::Gone;
        self.charged.release();
    }

    fn end(&mut self, (result, store): RunEnd) {
        self.outcome = Some(match result {
            Ok(()) => RunOutcome::finished(),
            Err(error) => RunOutcome::failed(
                &error,
                self.state.refused.load(Ordering::Relaxed),
                self.detail_bytes,
            ),
        });
        if self.memory_bytes() > SMALL_BYTES {
            self.sandbox = Sandbox::Left(store);
            return;
        }
        drop(store);
        self.sandbox = Sandbox::Gone;
        self.charged.release();
    }
}

async fn run(data: StoreData, entry: ModuleExport) -> RunEnd {
    let mut store = new_store(data);
    let result = run_in(&mut store, &entry).await;
    (result, store)
}

async fn run_in(store: &mut Store<StoreData>, entry: &ModuleExport) -> wasmtime::Result<()> {
    let module = store.data().module.clone();
    let state = store.data().state.clone();
    let instance = module.pre.instantiate_async(&mut *store).await?;
    note_memories(store, &module, &state, instance);
    if !state.started.load(Ordering::Relaxed) {
        SuspendOnce(false).await;
    }
    store.set_epoch_deadline(1);
    if let Some(start) = &module.start_function {
        call(store, instance, start).await?;
    }
    call(store, instance, entry).await
}

fn note_memories(
    store: &mut Store<StoreData>,
    module: &Loaded,
    state: &State,
    instance: wasmtime::Instance,
) {
    let memory = module
        .memory
        .as_ref()
        .and_then(|export| memory_of(instance.get_module_export(&mut *store, export)));
    store.data_mut().memory = memory;
    for (index, export) in module.memories.iter().enumerate() {
        // An only memory that is exported is the one that was just found.
        let each = match memory {
            Some(only) if module.memories.len() == 1 => Some(only),
            _ => memory_of(instance.get_module_export(&mut *store, export)),
        };
        if let Some(each) = each {
            state.bases.set(index, each.data_ptr(&*store));
        }
    }
}

async fn call(
    store: &mut Store<StoreData>,
    instance: wasmtime::Instance,
    export: &ModuleExport,
) -> wasmtime::Result<()> {
    let function = instance
        .get_module_export(&mut *store, export)
        .and_then(wasmtime::Extern::into_func)
        .ok_or_else(|| wasmtime::Error::msg("the entry is not a function"))?;
    // SAFETY: both exports that come here were checked when the module was loaded (find_entry): a
    // function of type () -> ().
    let function = unsafe { TypedFunc::<(), ()>::new_unchecked(&*store, function) };
    function.call_async(&mut *store, ()).await
}

fn new_store(data: StoreData) -> Store<StoreData> {
    let engine = data.module.engine.clone();
    let mut store = Store::new(&engine, data);
    store.limiter(|data| data);
    store.epoch_deadline_async_yield_and_update(1);
    // Passed already: what would be copied while instantiating is put off.
    store.set_epoch_deadline(0);
    store
}

/// Several memories or tables: only an instance tells their sum. A trial instance is made and
/// dropped; nothing of the guest runs.
pub fn check_sum_of_minimums(module: &Arc<Loaded>) -> Outcome<()> {
    let needed = module.pre.module().resources_required();
    if needed.num_memories <= 1 && needed.num_tables <= 1 {
        return Ok(());
    }
    let state = Arc::new(State::default());
    let mut store = new_store(StoreData::new(module, &state, std::ptr::null_mut(), None));
    let trial = std::pin::pin!(module.pre.instantiate_async(&mut store));
    // Whatever else goes wrong here is the run's to report.
    let _ = trial.poll(&mut Context::from_waker(Waker::noop()));
    if !state.refused.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(minimum_failure(state.memory_bytes.load(Ordering::Relaxed), module.limits))
}
