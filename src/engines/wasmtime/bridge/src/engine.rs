//! The engine: one configuration, two roles. The runtime engine owns the pool of sandboxes; the
//! compiler engine reserves nothing and lives in a short, limited child process. Everything that
//! an artifact is compiled for is set in one place for both, so that the artifacts fit.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;

use godwit_hosts::run::MAX_MEMORIES;
use wasmparser::{Validator, WasmFeatures};
use wasmtime::{
    Collector, Config, Enabled, Engine, InstanceAllocationStrategy, ModuleVersionStrategy,
    OptLevel, PoolingAllocationConfig,
};

use crate::bulk::{self, Refusal};
use crate::engines::Engines;
use crate::error::{error_text, Failure, Outcome};
use crate::handles;
use crate::nested;
use crate::types::GodwitStatus;

/// The pinned version (a test compares it with Cargo.toml). Wasmtime itself would accept artifacts
/// of every 48.x; a patch may change what code is generated, so ours name the whole version.
pub const WASMTIME_VERSION: &str = "48.0.8";
/// Stacks of a concurrent engine for each place that it has for sandboxes.
pub const STACKS_PER_PLACE: u32 = 4;
/// Of the settings that only the concurrent engine has.
const CONCURRENT_VERSION: u32 = 1;
/// Stack that a guest may use, in bytes; beyond it a call traps. The host's part comes on top.
pub const GUEST_STACK_BYTES: usize = 512 << 10;
/// Guest frames that a trap reports.
pub const MAX_FRAMES: usize = 20;
/// Tables that one module may define.
pub const MAX_TABLES: u32 = MAX_MEMORIES;
/// Core instances of one component instance: Python's has about twenty.
const MAX_CORE_INSTANCES: u32 = 64;
/// Tables of one: each of its core instances may have one or two.
const MAX_COMPONENT_TABLES: u32 = 32;
/// What the engine keeps of one in one piece.
const MAX_COMPONENT_INSTANCE_BYTES: usize = 1 << 20;
/// Room that the pool has for one memory.
pub const MAX_MEMORY_BYTES: usize = 4 << 30;
/// Elements of one table that the pool has room for.
pub const MAX_TABLE_ELEMENTS: usize = 100_000;

/// See abi.rs for what each setting means.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub pooled: bool,
    pub instances: u32,
    pub host_stack_bytes: usize,
    pub memory_keep_resident_bytes: usize,
    pub table_keep_resident_bytes: usize,
    pub parallel_compilation: bool,
}

/// `concurrent`: for components of WASI 0.3, and only for those.
pub fn create(settings: &Settings, concurrent: bool) -> Outcome<Engine> {
    let mut config = Config::new();
    configure_code(&mut config, concurrent)
        .map_err(|error| Failure::new(GodwitStatus::Internal, error_text(&error)))?;
    config.parallel_compilation(settings.parallel_compilation);
    config.max_wasm_stack(GUEST_STACK_BYTES);
    config.async_stack_size(GUEST_STACK_BYTES + settings.host_stack_bytes);
    if settings.pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings, concurrent)));
    } else {
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    }
    Engine::new(&config).map_err(|error| Failure::new(GodwitStatus::Internal, error_text(&error)))
}

/// What decides whether an artifact fits: the same for both roles.
fn configure_code(config: &mut Config, concurrent: bool) -> wasmtime::Result<()> {
    config.module_version(ModuleVersionStrategy::Custom(WASMTIME_VERSION.to_string()))?;
    config
        .epoch_interruption(true)
        .memory_init_cow(true)
        .signals_based_traps(true)
        .table_lazy_init(true)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .cranelift_opt_level(OptLevel::Speed)
        .concurrency_support(concurrent)
        .wasm_component_model_async(concurrent)
        // The null collector never frees: what a run allocates counts against its memory until it
        // ends. The counting one frees all that is dead in one go, hundreds of milliseconds that
        // no epoch interrupts; and an instance lives for one request.
        .collector(Collector::Null)
        // Frames are named from the name section; neither file positions nor unwind tables are
        // needed for that, and both make artifacts larger and loading slower.
        .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_FRAMES))
        .generate_address_map(false)
        .native_unwind_info(false)
        .debug_symbols(false);
    config
        .wasm_exceptions(true)
        .wasm_gc(true)
        .wasm_function_references(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        .wasm_multi_memory(true)
        .wasm_memory64(true)
        .wasm_relaxed_simd(true)
        .wasm_wide_arithmetic(true)
        .shared_memory(false);
    Ok(())
}

/// Memories, and tables, that the pool has room for. Modules with several of them, and heaps of
/// garbage-collected objects, which take a memory's place, draw on the surplus.
pub fn places(instances: u32) -> u32 {
    instances + instances / 2 + MAX_MEMORIES
}

fn pool(settings: &Settings, concurrent: bool) -> PoolingAllocationConfig {
    let instances = settings.instances.max(1);
    // A concurrent store has one for each of its component instances that waits inside a call.
    let stacks = if concurrent { instances.saturating_mul(STACKS_PER_PLACE) } else { instances };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES))
        .total_component_instances(instances)
        .max_component_instance_size(MAX_COMPONENT_INSTANCE_BYTES)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_COMPONENT_TABLES)
        .total_memories(places(instances))
        .total_tables(places(instances))
        .total_gc_heaps(instances)
        // An instance gives its place back before its stack; the surplus covers what other
        // threads hold in between.
        .total_stacks(stacks.saturating_add(64))
        .max_memories_per_module(MAX_MEMORIES)
        .max_tables_per_module(MAX_TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_memory_size(MAX_MEMORY_BYTES)
        .max_core_instance_size(2 << 20)
        .linear_memory_keep_resident(settings.memory_keep_resident_bytes)
        .table_keep_resident(settings.table_keep_resident_bytes)
        .max_unused_warm_slots(instances.min(256))
        // Never: it misses pages that are migrated or swapped out, and leaks them to the next
        // guest (notes of the project; upstream pull request 14357).
        .pagemap_scan(Enabled::No);
    pool
}

/// What an artifact must match, as bytes to be hashed by the caller: the same in every process
/// that has the same Wasmtime, settings and CPU.
pub fn fingerprint(engine: &Engine) -> Vec<u8> {
    struct Collect(Vec<u8>);
    impl Hasher for Collect {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }
    let mut collect = Collect(WASMTIME_VERSION.as_bytes().to_vec());
    bulk::REWRITE_VERSION.hash(&mut collect);
    // The concurrent engine differs from this one in nothing but what this file says.
    CONCURRENT_VERSION.hash(&mut collect);
    engine.precompile_compatibility_hash().hash(&mut collect);
    collect.0
}

/// Compiles the module with its bulk instructions made interruptible (bulk.rs) and the exports that
/// the host needs (handles.rs). One for which that cannot be done is refused: as it stands it could
/// hold a worker.
pub fn compile(engines: &Engines, wasm: &[u8]) -> Outcome<Vec<u8>> {
    let engine = &engines.first;
    if nested::is_component(wasm) {
        let engine = match nested::is_concurrent(engine.get_wasm_features(), wasm) {
            true => engines.concurrent()?,
            false => engine,
        };
        let interruptible = nested::rewrite(engine.get_wasm_features(), wasm)
            .map_err(|refusal| refused(engine, wasm, refusal))?;
        return engine
            .precompile_component(&interruptible)
            .map_err(|error| explain(engine, wasm, &error_text(&error)));
    }
    let refused = |refusal| refused(engine, wasm, refusal);
    let interruptible = bulk::rewrite(engine.get_wasm_features(), wasm).map_err(refused)?;
    let bounded = handles::add(&interruptible).map_err(refused)?;
    engine.precompile_module(&bounded).map_err(|error| {
        let changed = matches!(bounded, Cow::Owned(_));
        let enabled = engine.get_wasm_features();
        match Validator::new_with_features(enabled).validate_all(&bounded) {
            Err(reason) if changed => Failure::new(
                GodwitStatus::CompileFailed,
                format_args!("what bounds its instructions cannot be added: {reason}"),
            ),
            _ => explain(engine, wasm, &error_text(&error)),
        }
    })
}

fn refused(engine: &Engine, wasm: &[u8], refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Invalid(text) => explain(engine, wasm, &text),
        Refusal::Unsupported(text) => Failure::new(GodwitStatus::UnsupportedFeature, text),
    }
}

/// Compilation failed: says whether the module is malformed, needs a proposal that is off, or
/// defeated the compiler.
fn explain(engine: &Engine, wasm: &[u8], error: &str) -> Failure {
    let enabled = engine.get_wasm_features();
    let Err(reason) = Validator::new_with_features(enabled).validate_all(wasm) else {
        return Failure::new(GodwitStatus::CompileFailed, error);
    };
    let status = match Validator::new_with_features(WasmFeatures::all()).validate_all(wasm) {
        Ok(_) => GodwitStatus::UnsupportedFeature,
        Err(_) => GodwitStatus::Malformed,
    };
    Failure::new(status, reason)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn runtime() -> Engine {
        create(&settings(true), false).unwrap()
    }

    pub fn settings(pooled: bool) -> Settings {
        Settings {
            pooled,
            instances: 32,
            host_stack_bytes: 256 << 10,
            memory_keep_resident_bytes: 1 << 20,
            table_keep_resident_bytes: 64 << 10,
            parallel_compilation: false,
        }
    }

    #[test]
    fn the_version_is_the_one_that_cargo_pins() {
        let pin = format!("wasmtime = {{ version = \"={WASMTIME_VERSION}\"");
        assert!(include_str!("../Cargo.toml").contains(&pin));
    }

    #[test]
    fn both_roles_have_one_fingerprint() {
        let runtime = fingerprint(&runtime());
        let compiler = fingerprint(&create(&settings(false), false).unwrap());
        assert!(runtime.len() > 64);
        assert_eq!(runtime, compiler);
    }

    fn compile_text(text: &str) -> Outcome<Vec<u8>> {
        compile(
            &Engines::new(&settings(false)).unwrap(),
            &crate::text::text_to_binary(text).unwrap(),
        )
    }

    #[test]
    fn errors_are_told_apart() {
        let engine = Engines::new(&settings(false)).unwrap();
        assert_eq!(compile(&engine, b"").unwrap_err().status, GodwitStatus::Malformed);
        assert_eq!(
            compile(&engine, b"\0asm\x01\0\0\0\xff").unwrap_err().status,
            GodwitStatus::Malformed
        );
        let shared = compile_text("(module (memory 1 1 shared))").unwrap_err();
        assert_eq!(shared.status, GodwitStatus::UnsupportedFeature);
        let legacy = compile_text("(module (func try nop catch_all end))").unwrap_err();
        assert_eq!(legacy.status, GodwitStatus::UnsupportedFeature);
        assert!(legacy.text.contains("legacy"), "{}", legacy.text);
    }

    #[test]
    fn the_proposals_that_are_promised_compile() {
        for text in [
            "(module (tag $t) (func (try_table (throw $t))))",
            "(module (type $s (struct (field i32))) (func (drop (struct.new $s (i32.const 1)))))",
            "(module (func $f (return_call $f)))",
            "(module (memory 1) (memory 1) (memory i64 1))",
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
            "(module (func (param i64 i64 i64 i64) (result i64 i64)
                (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
            "(module (func (param v128) (result v128)
                (i32x4.relaxed_trunc_f32x4_s (local.get 0))))",
        ] {
            compile_text(text).unwrap_or_else(|e| panic!("{text}: {}", e.text));
        }
    }
}
