//! What an engine's pool keeps for sandboxes that nobody uses, and giving it back.

use wasmtime::{Engine, Export, Extern, Instance, Module, Store};

use godwit_hosts::run::MAX_MEMORIES;

use crate::engine::{places, MAX_MEMORY_BYTES};
use crate::error::{error_text, Failure, Outcome};
use crate::shed::give_back;
use crate::types::GodwitStatus;

/// What most runs touch of a stack.
const USUAL_STACK_BYTES: u64 = 8 << 10;
/// Memories of an engine that are not trimmed while it still has instances.
const SPARED_PLACES: usize = 32;

pub fn live_instances(engine: &Engine) -> u64 {
    engine.pooling_allocator_metrics().map_or(0, |metrics| metrics.core_instances())
}

/// What unused sandboxes keep resident. Wasmtime counts memories and tables; of a stack nobody
/// knows how much was ever used.
pub fn idle_bytes(engine: &Engine) -> u64 {
    let Some(metrics) = engine.pooling_allocator_metrics() else { return 0 };
    let kept = metrics.unused_memory_bytes_resident() + metrics.unused_table_bytes_resident();
    kept as u64 + u64::from(metrics.unused_warm_stacks()) * USUAL_STACK_BYTES
}

/// Gives back what unused memories keep resident, one by one, so that no other thread's mapping
/// waits for long. Not what unused tables and stacks keep: Wasmtime does not tell where they are.
/// REQUIRES: nobody makes instances in `engine` any more, and its pool has `instances`.
pub fn release_idle(engine: &Engine, instances: u32) -> Outcome<()> {
    let Some(metrics) = engine.pooling_allocator_metrics() else { return Ok(()) };
    // Each instance that lives on may yet need a place for its heap.
    let spared = metrics.core_instances() as usize + SPARED_PLACES;
    let count = (places(instances) as usize).saturating_sub(metrics.memories() + spared);
    // Only a module's memories are of the pool.
    let memories: String =
        (0..MAX_MEMORIES).map(|index| format!("(memory (export \"{index}\") 0)")).collect();
    let wasm = crate::text::text_to_binary(&format!("(module {memories})"))?;
    let module = Module::new(engine, wasm)
        .map_err(|error| Failure::new(GodwitStatus::Internal, error_text(&error)))?;
    // Having a place is what makes it ours: no memory of a guest is there. All are had at once,
    // since the pool prefers to hand out what has never been used.
    let mut store = Store::new(engine, ());
    for _ in 0..count / MAX_MEMORIES as usize {
        let Ok(instance) = Instance::new(&mut store, &module, &[]) else { break };
        let exports: Vec<_> = instance.exports(&mut store).map(Export::into_extern).collect();
        for memory in exports.into_iter().filter_map(Extern::into_memory) {
            // SAFETY: the place of a memory is MAX_MEMORY_BYTES long, private and anonymous (the
            // pool has removed the image, if there was one), and this memory of no pages is all
            // that is in it. Afterwards it reads as zero, which is what the pool takes it to be.
            unsafe { give_back(memory.data_ptr(&store), MAX_MEMORY_BYTES) };
        }
    }
    Ok(())
}
