//! A loaded module: verified code mapped, imports resolved once, ready to be instantiated often.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use godwit_hosts::run::MAX_MEMORIES;
use wasmtime::{
    Engine, Extern, ExternType, FuncType, InstancePre, Linker, Module, ModuleExport, Precompiled,
    ResourcesRequired, ValType,
};

use crate::component::{self, ComponentCode};
use crate::engines::Engines;
use crate::error::{clean_name, error_text, BoundedText, Failure, Outcome};
use crate::handles;
use crate::host::HostFunction;
use crate::instance::StoreData;
use crate::sandboxes::Sandboxes;
use crate::types::GodwitStatus;

/// Bytes that one table element is charged with.
pub const TABLE_ELEMENT_BYTES: u64 = 8;
/// Custom page sizes are off, so every memory counts in pages of 64 KiB.
const PAGE_BYTES: u64 = 64 << 10;
/// Imports that an error names; the rest is counted.
const MAX_NAMED_IMPORTS: usize = 20;
const MAX_NAMED_TYPES: usize = 12;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub memory_bytes: u64,
    pub detail_bytes: usize,
}

pub struct Loaded {
    pub engine: Engine,
    pub sandboxes: Arc<Sandboxes>,
    pub code: Code,
    pub limits: Limits,
    /// Of the pool's, for an instance: its memories or its tables, at least one.
    pub places: u32,
    /// Bytes of the host that an instance takes besides its memories and tables; 0 when it is little.
    pub host_bytes: u64,
}

pub enum Code {
    Core(Core),
    Component(ComponentCode),
}

pub struct Core {
    pub pre: InstancePre<StoreData>,
    /// The exported memory "memory".
    pub memory: Option<ModuleExport>,
    /// All memories, exported by the guest or not (handles.rs).
    pub memories: Vec<ModuleExport>,
    /// The start function, to be called before the entry.
    pub start_function: Option<ModuleExport>,
    /// The export "_start", when it is of type () -> ().
    start: Option<ModuleExport>,
}

/// REQUIRES: `code` is what `engine::compile` made, verified and immutable: it will be executed.
pub fn load(
    engines: &Engines,
    code: File,
    functions: &[HostFunction],
    limits: Limits,
) -> Outcome<Arc<Loaded>> {
    let loaded = match precompiled(&code) {
        Some(Precompiled::Component) => component::load(engines, &code, functions, limits)?,
        _ => load_core(&engines.first, &engines.sandboxes, code, functions, limits)?,
    };
    let loaded = Arc::new(loaded);
    crate::instance::check_sum_of_minimums(&loaded)?;
    Ok(loaded)
}

fn load_core(
    engine: &Engine,
    sandboxes: &Arc<Sandboxes>,
    code: File,
    functions: &[HostFunction],
    limits: Limits,
) -> Outcome<Loaded> {
    // SAFETY: the caller verified the code and sealed the file (godwit_module_load's contract);
    // Wasmtime itself checks version, settings and CPU features.
    let module = unsafe { Module::deserialize_open_file(engine, code) }.map_err(refused)?;
    let needed = module.resources_required();
    check_minimum(&needed, limits)?;
    let linker = link(engine, &module, functions)?;
    let pre = linker
        .instantiate_pre(&module)
        .map_err(|error| Failure::new(GodwitStatus::ImportSignature, error_text(&error)))?;
    let memory = match module.get_export("memory") {
        Some(ExternType::Memory(_)) => module.get_export_index("memory"),
        _ => None,
    };
    let memories =
        (0..MAX_MEMORIES).map_while(|i| module.get_export_index(&handles::memory(i))).collect();
    Ok(Loaded {
        engine: engine.clone(),
        sandboxes: sandboxes.clone(),
        places: needed.num_memories.max(needed.num_tables).max(1),
        host_bytes: handles::host_bytes(module.exports().map(|export| export.name())),
        limits,
        code: Code::Core(Core {
            memory,
            memories,
            start_function: find_entry(&module, handles::START),
            start: find_entry(&module, "_start"),
            pre,
        }),
    })
}

impl Core {
    pub fn entry(&self, name: &str) -> Outcome<ModuleExport> {
        let found = if name == "_start" { self.start } else { find_entry(self.pre.module(), name) };
        found.ok_or_else(|| {
            Failure::new(
                GodwitStatus::NoEntry,
                format_args!(
                    "no exported function `{}` without parameters and results",
                    clean_name(name)
                ),
            )
        })
    }
}

fn find_entry(module: &Module, name: &str) -> Option<ModuleExport> {
    match module.get_export(name) {
        Some(ExternType::Func(ty)) if ty.params().len() == 0 && ty.results().len() == 0 => {
            module.get_export_index(name)
        }
        _ => None,
    }
}

/// A path to an open file, for what takes nothing else.
pub fn path_of(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// What kind of artifact a file is.
fn precompiled(code: &File) -> Option<Precompiled> {
    Engine::detect_precompiled_file(path_of(code)).ok().flatten()
}

/// Loading failed: the pool's bounds are told apart from a foreign or damaged artifact by the
/// contexts that Wasmtime adds (the version is pinned; the conformance suite would notice a
/// change).
pub fn refused(error: wasmtime::Error) -> Failure {
    let text = error_text(&error);
    let is_bound = text.contains("does not fit in pooling allocator requirements")
        || text.contains("exceeds the configured maximum")
        || text.contains("The component transitively");
    let status = if !is_bound {
        GodwitStatus::ArtifactInvalid
    } else if text.contains("minimum") {
        GodwitStatus::MemoryMinimum
    } else {
        GodwitStatus::UnsupportedFeature
    };
    Failure::new(status, text)
}

/// The largest memory and the largest table alone; exact for a module with one of each.
pub fn check_minimum(needed: &ResourcesRequired, limits: Limits) -> Outcome<()> {
    let memory = needed.max_initial_memory_size.unwrap_or(0).saturating_mul(PAGE_BYTES);
    let table = needed.max_initial_table_size.unwrap_or(0).saturating_mul(TABLE_ELEMENT_BYTES);
    let sum = memory.saturating_add(table);
    if sum <= limits.memory_bytes {
        return Ok(());
    }
    Err(minimum_failure(sum, limits))
}

pub fn minimum_failure(bytes: u64, limits: Limits) -> Failure {
    Failure::new(
        GodwitStatus::MemoryMinimum,
        format_args!(
            "initial memories and tables need more than {} bytes (at least {bytes})",
            limits.memory_bytes
        ),
    )
}

fn link(
    engine: &Engine,
    module: &Module,
    functions: &[HostFunction],
) -> Outcome<Linker<StoreData>> {
    let table: HashMap<(&str, &str), &HostFunction> =
        functions.iter().map(|f| ((f.module.as_str(), f.name.as_str()), f)).collect();
    let mut linker = Linker::new(engine);
    let mut defined = HashSet::new();
    let mut unknown = Names::default();
    for import in module.imports() {
        let key = (import.module(), import.name());
        let (ExternType::Func(wanted), Some(function)) = (import.ty(), table.get(&key)) else {
            unknown.add(key);
            continue;
        };
        check_signature(engine, &wanted, function)?;
        // A module may import the same function twice.
        if defined.insert(key) {
            function
                .define(&mut linker)
                .map_err(|error| Failure::new(GodwitStatus::Internal, error_text(&error)))?;
        }
    }
    unknown.finish()?;
    Ok(linker)
}

fn check_signature(engine: &Engine, wanted: &FuncType, function: &HostFunction) -> Outcome<()> {
    let given = function.func_type(engine);
    if given.matches(wanted) {
        return Ok(());
    }
    Err(Failure::new(
        GodwitStatus::ImportSignature,
        format_args!(
            "{}.{} is imported as {}, the host function is {}",
            function.module,
            function.name,
            type_text(wanted),
            type_text(&given)
        ),
    ))
}

fn type_text(ty: &FuncType) -> String {
    format!("{} -> {}", list_text(ty.params()), list_text(ty.results()))
}

fn list_text(types: impl ExactSizeIterator<Item = ValType>) -> String {
    let count = types.len();
    let mut names: Vec<String> =
        types.take(MAX_NAMED_TYPES).map(|ty| clean_name(&ty.to_string())).collect();
    if count > MAX_NAMED_TYPES {
        names.push(format!("and {} more", count - MAX_NAMED_TYPES));
    }
    format!("({})", names.join(", "))
}

/// Imports that nothing provides: the first are named, all are counted.
#[derive(Default)]
struct Names {
    named: Vec<String>,
    count: usize,
}

impl Names {
    fn add(&mut self, (module, name): (&str, &str)) {
        if self.named.len() < MAX_NAMED_IMPORTS {
            let text = format!("{}.{}", clean_name(module), clean_name(name));
            if self.named.contains(&text) {
                return;
            }
            self.named.push(text);
        }
        self.count += 1;
    }

    fn finish(self) -> Outcome<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut text = BoundedText::new(crate::error::MAX_TEXT_BYTES);
        let _ = text.write_str(&self.named.join(", "));
        if self.count > self.named.len() {
            let _ = write!(text, " and {} more", self.count - self.named.len());
        }
        Err(Failure::new(GodwitStatus::UnknownImport, text.text))
    }
}

/// The memory of an instance, by the export that was looked up at load.
pub fn memory_of(extern_: Option<Extern>) -> Option<wasmtime::Memory> {
    match extern_ {
        Some(Extern::Memory(memory)) => Some(memory),
        _ => None,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A module whose import `test.panic` panics, which no host function of C++ can.
    pub fn with_panicking_import(engine: &Engine, text: &str) -> Arc<Loaded> {
        let wasm = crate::text::text_to_binary(text).unwrap();
        let module = Module::new(engine, wasm).unwrap();
        let mut linker = Linker::<StoreData>::new(engine);
        let panics = || -> () { panic!("a defect of the host") };
        linker.func_wrap("test", "panic", panics).unwrap();
        let pre = linker.instantiate_pre(&module).unwrap();
        Arc::new(Loaded {
            engine: engine.clone(),
            sandboxes: Sandboxes::new(32),
            code: Code::Core(Core {
                pre,
                memory: None,
                memories: Vec::new(),
                start_function: None,
                start: find_entry(&module, "_start"),
            }),
            limits: Limits { memory_bytes: 128 << 20, detail_bytes: 8192 },
            places: 1,
            host_bytes: 0,
        })
    }
}
