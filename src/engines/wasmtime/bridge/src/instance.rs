//! One fresh sandbox and the run in it: a future that is polled by hand.
//!
//! The future owns the store. Its first poll, in `Instance::new`, takes the places in the pool and
//! instantiates, so that an exhausted pool is known before the guest runs. (What instantiation
//! copies meets an epoch deadline that has passed already, and is put off.) Every later poll runs
//! the guest, its start function first, until it ends, waits, or its time slice is over.
//!
//! What a large run leaves stays until it was given back in steps (shed.rs) or the instance goes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use godwit_hosts::call::{HostState, SuspendOnce};
use godwit_hosts::commitment::Account;
use godwit_hosts::host::Callbacks;
use godwit_hosts::run::Run;
use wasmtime::{Memory, ModuleExport, PoolConcurrencyLimitError, Store, TypedFunc};

use crate::account::Charged;
use crate::component::{self, ComponentData};
use crate::engine::MAX_MEMORY_BYTES;
use crate::error::{error_text, Failure, Outcome};
use crate::limiter::Limiter;
use crate::module::{memory_of, minimum_failure, Code, Core, Loaded};
use crate::outcome::RunOutcome;
use crate::sandboxes::Place;
use crate::shed::{Shedding, SMALL_BYTES};
use crate::types::{GodwitMemoryAccount, GodwitProgress, GodwitStatus};

/// The data of a core module's store.
pub struct StoreData {
    pub run: Arc<Run>,
    pub memory: Option<Memory>,
    host_state: HostState,
    limiter: Limiter,
}

impl StoreData {
    fn new(run: &Arc<Run>, host_state: HostState) -> StoreData {
        StoreData { run: run.clone(), memory: None, host_state, limiter: Limiter::new(run) }
    }

    pub fn host_state(&self) -> HostState {
        self.host_state
    }
}

/// What C++ has for a run: its engine::HostState, and its engine::ComponentHost.
#[derive(Clone, Copy)]
pub struct HostSide {
    pub state: HostState,
    pub callbacks: Option<Callbacks>,
}

impl HostSide {
    /// Of trial instances, and of tests.
    pub fn none() -> HostSide {
        HostSide { state: HostState(std::ptr::null_mut()), callbacks: None }
    }
}

type RunFuture = Pin<Box<dyn Future<Output = RunEnd> + Send>>;
pub type RunEnd = (wasmtime::Result<()>, AnyStore);

/// Kept until what it holds has been given back.
#[allow(dead_code)]
pub enum AnyStore {
    Core(Store<StoreData>),
    Component(Store<ComponentData>),
}

enum Sandbox {
    Live(RunFuture),
    /// The run is over; what it leaves is large.
    Left(#[allow(dead_code)] AnyStore),
    /// It has gone back to the pool.
    Gone,
}

pub struct Instance {
    sandbox: Sandbox,
    shedding: Option<Shedding>,
    /// After `sandbox`: free when that is gone.
    place: Option<Place>,
    /// After `sandbox`: released when that is gone.
    charged: Charged,
    run: Arc<Run>,
    /// It has an event loop (WASI 0.3): that says by the waker whether it has more to do. All others
    /// are left alone by whoever polls them until C++, which knows what they wait for, wakes them.
    is_concurrent: bool,
    waker: Waker,
    outcome: Option<RunOutcome>,
    detail_bytes: usize,
}

/// Polls of one resume().
const MAX_POLLS: usize = 16;

impl Instance {
    pub fn new(
        module: &Arc<Loaded>,
        host: HostSide,
        account: Option<GodwitMemoryAccount>,
        entry: &str,
        keep: bool,
    ) -> Outcome<Instance> {
        let run = Run::new(module.limits.memory_bytes, account.map(Account));
        let run = Arc::new(if keep { run.kept() } else { run });
        let future: RunFuture = match &module.code {
            Code::Core(core) => {
                let entry = core.entry(entry)?;
                Box::pin(run_core(module.clone(), StoreData::new(&run, host.state), entry))
            }
            Code::Component(code) => {
                let entry = code.entry(entry)?;
                Box::pin(component::run(module.clone(), code.data(&run, host), entry))
            }
        };
        let Some(place) = module.sandboxes.take() else {
            let text = "as many sandboxes exist as may";
            return Err(Failure::new(GodwitStatus::Overloaded, text));
        };
        let Some(charged) = Charged::new(module.host_bytes, &run) else {
            let text = "the account has no room for what the instance takes of the host";
            return Err(Failure::new(GodwitStatus::Overloaded, text));
        };
        let is_concurrent = module.engine.get_concurrency_support();
        let waker = match is_concurrent {
            true => Waker::from(run.clone()),
            false => Waker::noop().clone(),
        };
        let mut instance = Instance {
            is_concurrent,
            waker,
            sandbox: Sandbox::Live(future),
            shedding: None,
            place: Some(place),
            charged,
            run,
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
        error.is::<PoolConcurrencyLimitError>() || self.run.commitment.account_refused()
    }

    /// None when there is nothing to run.
    fn poll(&mut self) -> Option<Poll<RunEnd>> {
        match &mut self.sandbox {
            // A guest whose memories are being given back must not see them.
            Sandbox::Live(run) if self.shedding.is_none() => {
                self.run.begin_poll();
                Some(run.as_mut().poll(&mut Context::from_waker(&self.waker)))
            }
            _ => None,
        }
    }

    pub fn resume(&mut self) -> GodwitProgress {
        self.run.start();
        if self.is_concurrent {
            self.run.wake_waiters();
        }
        // An event loop may want to be polled again though nothing of its guest's is left to do.
        for _ in 0..MAX_POLLS {
            match self.poll() {
                None => return GodwitProgress::Done,
                Some(Poll::Ready(end)) => {
                    self.end(end);
                    return GodwitProgress::Done;
                }
                Some(Poll::Pending) if self.run.is_resting() => return GodwitProgress::Rested,
                Some(Poll::Pending) if self.run.waiting() => return GodwitProgress::Waiting,
                Some(Poll::Pending) if !self.is_concurrent => return GodwitProgress::Yielded,
                Some(Poll::Pending) if self.run.slice_is_over() => return GodwitProgress::Yielded,
                Some(Poll::Pending) if self.run.is_woken() => {}
                // Told so, the run ends.
                Some(Poll::Pending) if !self.run.is_stuck() && self.run.find_stuck() => {}
                Some(Poll::Pending) => return GodwitProgress::Waiting,
            }
        }
        GodwitProgress::Yielded
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
        unsafe { shedding.step(&self.run.bases, largest, bytes) }
    }

    /// How the run ended; once.
    pub fn take_outcome(&mut self) -> Option<RunOutcome> {
        self.outcome.take()
    }

    pub fn memory_bytes(&self) -> u64 {
        self.run.commitment.bytes()
    }

    /// After a caught panic: the sandbox is not used again.
    pub fn fail(&mut self, text: &str) {
        self.outcome = Some(RunOutcome::defect(text));
        self.sandbox = Sandbox::Gone;
        self.place = None;
        self.charged.release();
    }

    fn end(&mut self, (result, store): RunEnd) {
        self.outcome = Some(match result {
            Ok(()) => RunOutcome::finished(),
            Err(error) => {
                RunOutcome::failed(&error, self.run.commitment.refused(), self.detail_bytes)
            }
        });
        if self.memory_bytes() > SMALL_BYTES {
            self.sandbox = Sandbox::Left(store);
            return;
        }
        drop(store);
        self.sandbox = Sandbox::Gone;
        self.place = None;
        self.charged.release();
    }
}

impl Drop for Instance {
    /// Who waits in the run's event loop knows the run, and the run knows who waits.
    fn drop(&mut self) {
        if self.is_concurrent {
            self.run.forget_waiters();
        }
    }
}

async fn run_core(module: Arc<Loaded>, data: StoreData, entry: ModuleExport) -> RunEnd {
    let Code::Core(core) = &module.code else { unreachable!("the caller has looked") };
    let mut store = new_store(&module, data);
    let result = run_in(&mut store, core, &entry).await;
    (result, AnyStore::Core(store))
}

async fn run_in(
    store: &mut Store<StoreData>,
    core: &Core,
    entry: &ModuleExport,
) -> wasmtime::Result<()> {
    let run = store.data().run.clone();
    let instance = core.pre.instantiate_async(&mut *store).await?;
    note_memories(store, core, &run, instance);
    if !run.started() {
        SuspendOnce(false).await;
    }
    store.set_epoch_deadline(1);
    if let Some(start) = &core.start_function {
        call(store, instance, start).await?;
    }
    call(store, instance, entry).await
}

fn note_memories(
    store: &mut Store<StoreData>,
    core: &Core,
    run: &Run,
    instance: wasmtime::Instance,
) {
    let memory = core
        .memory
        .as_ref()
        .and_then(|export| memory_of(instance.get_module_export(&mut *store, export)));
    store.data_mut().memory = memory;
    for (index, export) in core.memories.iter().enumerate() {
        // An only memory that is exported is the one that was just found.
        let each = match memory {
            Some(only) if core.memories.len() == 1 => Some(only),
            _ => memory_of(instance.get_module_export(&mut *store, export)),
        };
        if let Some(each) = each {
            run.bases.set(index, each.data_ptr(&*store));
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

fn new_store(module: &Loaded, data: StoreData) -> Store<StoreData> {
    let mut store = Store::new(&module.engine, data);
    store.limiter(|data| &mut data.limiter);
    prepare(&mut store);
    store
}

/// A store's clock: slices end in yields.
pub fn prepare<T: 'static>(store: &mut Store<T>) {
    store.epoch_deadline_async_yield_and_update(1);
    // Passed already: what would be copied while instantiating is put off.
    store.set_epoch_deadline(0);
}

/// Several memories or tables: only an instance tells their sum. A trial instance is made and
/// dropped; nothing of the guest runs.
pub fn check_sum_of_minimums(module: &Arc<Loaded>) -> Outcome<()> {
    let run = Arc::new(Run::new(module.limits.memory_bytes, None));
    let mut context = Context::from_waker(Waker::noop());
    match &module.code {
        Code::Core(core) => {
            let needed = core.pre.module().resources_required();
            if needed.num_memories <= 1 && needed.num_tables <= 1 {
                return Ok(());
            }
            let data = StoreData::new(&run, HostSide::none().state);
            let mut store = new_store(module, data);
            let trial = std::pin::pin!(core.pre.instantiate_async(&mut store));
            // Whatever else goes wrong here is the run's to report.
            let _ = trial.poll(&mut context);
        }
        Code::Component(code) => {
            let mut store = component::new_store(module, code.data(&run, HostSide::none()));
            let trial = std::pin::pin!(code.pre.instantiate_async(&mut store));
            let _ = trial.poll(&mut context);
        }
    }
    if !run.commitment.refused() {
        return Ok(());
    }
    Err(minimum_failure(run.commitment.bytes(), module.limits))
}
