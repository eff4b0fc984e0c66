//! A loaded component, and a run of it.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use godwit_hosts::call::{trap, Exit, SuspendOnce};
use godwit_hosts::host::Host;
use godwit_hosts::incoming::IncomingRequest;
use godwit_hosts::outgoing::ResponseOutparam;
use godwit_hosts::p3::{handler, HasHost};
use godwit_hosts::preview1::{Preview1, Table};
use godwit_hosts::run::Run;
use godwit_hosts::{p2, p3, sockets};
use wasmtime::component::types::{Component as ComponentType, ComponentItem};
use wasmtime::component::{
    Accessor, Component, ComponentExportIndex, Instance, InstancePre, Linker, Resource, TypedFunc,
};
use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use crate::engine::STACKS_PER_PLACE;
use crate::engines::Engines;

use crate::error::{clean_name, error_text, Failure, Outcome};
use crate::host::HostFunction;
use crate::instance::{prepare, AnyStore, HostSide, RunEnd};
use crate::limiter::Limiter;
use crate::module::{check_minimum, path_of, refused, Code, Limits, Loaded};
use crate::nested;
use crate::types::GodwitStatus;

/// The most bytes that one call may hand to the host: no function of ours takes more at once.
const HOSTCALL_BYTES: usize = 2 << 20;

/// Entries of a store's table of concurrent state, counted at the end of each time slice.
const MAX_CONCURRENT: usize = 4096;

/// The entries of engine/engine.h.
const HTTP: &str = "wasi:http/handler";
const COMMAND: &str = "wasi:cli/run";

/// The data of a component's store.
pub struct ComponentData {
    host: Host,
    limiter: Limiter,
    run: Arc<Run>,
}

impl ComponentData {
    fn host(&mut self) -> &mut Host {
        &mut self.host
    }
}

pub struct ComponentCode {
    pub pre: InstancePre<ComponentData>,
    preview1: Arc<Table>,
    handler: Option<Entry>,
    command: Option<Entry>,
}

/// What is called: of WASI 0.2, or of 0.3.
#[derive(Clone, Copy)]
pub enum Entry {
    Handler(ComponentExportIndex),
    Command(ComponentExportIndex),
    ConcurrentHandler(ComponentExportIndex),
    ConcurrentCommand(ComponentExportIndex),
}

impl ComponentCode {
    pub fn entry(&self, name: &str) -> Outcome<Entry> {
        let found = match name {
            HTTP => self.handler,
            COMMAND => self.command,
            _ => None,
        };
        found.ok_or_else(|| {
            let text = format_args!("the component exports no `{}`", clean_name(name));
            Failure::new(GodwitStatus::NoEntry, text)
        })
    }

    pub fn data(&self, run: &Arc<Run>, host: HostSide) -> ComponentData {
        let preview1 = match host.state.0.is_null() {
            true => Preview1::default(),
            false => Preview1::new(self.preview1.clone(), host.state),
        };
        ComponentData {
            host: Host::new(preview1, host.callbacks, run.clone()),
            limiter: Limiter::new(run),
            run: run.clone(),
        }
    }
}

/// Which engine it was compiled for an artifact says itself.
fn deserialize(engines: &Engines, code: &File) -> Outcome<Component> {
    // SAFETY: the caller verified the code and sealed the file (godwit_module_load's contract).
    let on = |engine| unsafe { Component::deserialize_file(engine, path_of(code)) };
    let first = match on(&engines.first) {
        Ok(component) => return Ok(component),
        Err(error) => refused(error),
    };
    if first.status != GodwitStatus::ArtifactInvalid {
        return Err(first);
    }
    match on(engines.concurrent()?).map_err(refused) {
        Err(second) if second.status == GodwitStatus::ArtifactInvalid => Err(first),
        result => result,
    }
}

/// As module::load.
pub fn load(
    engines: &Engines,
    code: &File,
    functions: &[HostFunction],
    limits: Limits,
) -> Outcome<Loaded> {
    let component = deserialize(engines, code)?;
    let engine = component.engine();
    let needed = component.resources_required().ok_or_else(|| {
        let text = "a component that takes a core module from outside";
        Failure::new(GodwitStatus::UnsupportedFeature, text)
    })?;
    check_minimum(&needed, limits)?;
    let ty = component.component_type();
    let linker = link(engine, &ty)?;
    let pre = linker.instantiate_pre(&component).map_err(|error| unlinked(&error))?;
    let internal = |text: &str| Failure::new(GodwitStatus::Internal, text);
    let rows = functions.iter().map(|f| (f.module.as_str(), f.name.as_str(), f.binding));
    let preview1 =
        Table::new(rows).ok_or_else(|| internal("a function of preview 1 is missing"))?;
    let names = || ty.exports(engine).map(|(name, _)| name);
    let host_bytes = nested::host_bytes(names());
    let places = match is_concurrent(engine) {
        true => nested::stacks(names()).div_ceil(u64::from(STACKS_PER_PLACE)),
        false => 1,
    };
    let places = u32::try_from(places).unwrap_or(u32::MAX);
    let function = |interface: &str, name: &str| {
        // Of several versions the newest.
        let (_, export) = ty
            .exports(engine)
            .filter_map(|(export, _)| {
                let patch = export.strip_prefix(interface)?.parse::<u64>().ok()?;
                Some((patch, export))
            })
            .max()?;
        let instance = component.get_export_index(None, export)?;
        component.get_export_index(Some(&instance), name)
    };
    Ok(Loaded {
        engine: engine.clone(),
        sandboxes: engines.sandboxes.clone(),
        places: needed.num_memories.max(needed.num_tables).max(places),
        host_bytes,
        limits,
        code: Code::Component(ComponentCode {
            // Of both versions the newer one.
            handler: function("wasi:http/handler@0.3.", "handle")
                .map(Entry::ConcurrentHandler)
                .or(function("wasi:http/incoming-handler@0.2.", "handle").map(Entry::Handler)),
            command: function("wasi:cli/run@0.3.", "run")
                .map(Entry::ConcurrentCommand)
                .or(function("wasi:cli/run@0.2.", "run").map(Entry::Command)),
            preview1: Arc::new(preview1),
            pre,
        }),
    })
}

/// An import that is missing and one of another type are told apart by Wasmtime's text (the version
/// is pinned; a test would notice a change).
fn unlinked(error: &wasmtime::Error) -> Failure {
    let text = error_text(error);
    let status = match text.contains("matching implementation was not found") {
        true => GodwitStatus::UnknownImport,
        false => GodwitStatus::ImportSignature,
    };
    Failure::new(status, text)
}

fn link(engine: &Engine, ty: &ComponentType) -> Outcome<Linker<ComponentData>> {
    let internal = |error| Failure::new(GodwitStatus::Internal, error_text(&error));
    let mut linker = Linker::new(engine);
    p2::add_to_linker(&mut linker, ComponentData::host).map_err(internal)?;
    if is_concurrent(engine) {
        p3::add_to_linker(&mut linker, ComponentData::host).map_err(internal)?;
    }
    for (name, item) in ty.imports(engine) {
        if let ComponentItem::ComponentInstance(interface) = item.ty {
            if name.starts_with("wasi:sockets/") {
                sockets::deny(&mut linker, engine, name, &interface).map_err(internal)?;
            }
        }
    }
    Ok(linker)
}

fn is_concurrent(engine: &Engine) -> bool {
    engine.get_concurrency_support()
}

pub fn new_store(module: &Loaded, data: ComponentData) -> Store<ComponentData> {
    let mut store = Store::new(&module.engine, data);
    store.limiter(|data| &mut data.limiter);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    prepare(&mut store);
    if is_concurrent(&module.engine) {
        let run = store.data().run.clone();
        store.epoch_deadline_callback(move |mut store| {
            run.end_slice();
            // Streams, futures, tasks and calls of the guest are kept in host memory.
            if store.concurrent_state_table_size() > MAX_CONCURRENT {
                return Err(trap("more streams, futures and tasks than one run may have"));
            }
            Ok(UpdateDeadline::Yield(1))
        });
    }
    store
}

pub async fn run(module: Arc<Loaded>, data: ComponentData, entry: Entry) -> RunEnd {
    let Code::Component(code) = &module.code else { unreachable!("the caller has looked") };
    let mut store = new_store(&module, data);
    let result = run_in(&mut store, code, entry).await;
    (result, AnyStore::Component(store))
}

async fn run_in(
    store: &mut Store<ComponentData>,
    code: &ComponentCode,
    entry: Entry,
) -> wasmtime::Result<()> {
    let run = store.data().run.clone();
    let instance = code.pre.instantiate_async(&mut *store).await?;
    if !run.started() {
        SuspendOnce(false).await;
    }
    let at_first = concurrent_size(store);
    loop {
        store.set_epoch_deadline(1);
        call(store, instance, entry).await?;
        // What a guest of 0.3 still has under way would go on in the next request.
        let is_busy = concurrent_size(store) > at_first || store.data().host.is_sending();
        if !run.is_kept() || is_busy {
            return Ok(());
        }
        store.data_mut().host.end_request();
        run.rest();
        SuspendOnce(false).await;
    }
}

fn concurrent_size(store: &mut Store<ComponentData>) -> usize {
    match is_concurrent(store.engine()) {
        true => store.concurrent_state_table_size(),
        false => 0,
    }
}

async fn call(
    store: &mut Store<ComponentData>,
    instance: Instance,
    entry: Entry,
) -> wasmtime::Result<()> {
    let missing = || wasmtime::Error::msg("the entry is not a function");
    match entry {
        Entry::Handler(index) => {
            let function = instance.get_func(&mut *store, index).ok_or_else(missing)?;
            let function = function.typed::<Handle, ()>(&*store)?;
            let host = &mut store.data_mut().host;
            let arguments =
                (host.push(IncomingRequest::default())?, host.push(ResponseOutparam::default())?);
            function.call_async(&mut *store, arguments).await
        }
        Entry::Command(index) => {
            let function = instance.get_func(&mut *store, index).ok_or_else(missing)?;
            let function: TypedFunc<(), (Result<(), ()>,)> = function.typed(&*store)?;
            match function.call_async(&mut *store, ()).await?.0 {
                Ok(()) => Ok(()),
                Err(()) => Err(wasmtime::Error::new(Exit(1))),
            }
        }
        Entry::ConcurrentHandler(index) => {
            let function = instance.get_func(&mut *store, index).ok_or_else(missing)?;
            let function: handler::Handle = function.typed(&*store)?;
            let run = store.data().run.clone();
            let answered = AtomicBool::new(false);
            let call = async |accessor: &Accessor<ComponentData>| {
                let host = accessor.with_getter::<HasHost>(ComponentData::host);
                let call = handler::handle(&host, &function, &answered);
                handler::while_it_can_go_on(&run, &host, call).await
            };
            match store.run_concurrent(call).await.flatten() {
                // C++ knows that there was no answer.
                Err(error)
                    if !answered.load(Ordering::Relaxed)
                        && error.downcast_ref() == Some(&Trap::NoAsyncResult) =>
                {
                    Ok(())
                }
                ended => ended,
            }
        }
        Entry::ConcurrentCommand(index) => {
            let function = instance.get_func(&mut *store, index).ok_or_else(missing)?;
            let function: TypedFunc<(), (Result<(), ()>,)> = function.typed(&*store)?;
            let run = store.data().run.clone();
            let call = async |accessor: &Accessor<ComponentData>| {
                let host = accessor.with_getter::<HasHost>(ComponentData::host);
                let call = async {
                    let result = function.call_concurrent(accessor, ()).await?.0;
                    handler::idle(&host).await?;
                    result.map_err(|()| wasmtime::Error::new(Exit(1)))
                };
                handler::while_it_can_go_on(&run, &host, call).await
            };
            store.run_concurrent(call).await?
        }
    }
}

type Handle = (Resource<IncomingRequest>, Resource<ResponseOutparam>);
