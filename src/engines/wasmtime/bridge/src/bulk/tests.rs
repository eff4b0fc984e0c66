//! The rewritten module against the original: same results, same contents, same traps, same frames.

use wasmparser::{Parser, Payload};
use wasmtime::{AsContextMut, Engine, Instance, Module, Store, Trap, Val, WasmBacktrace};

use super::*;
use crate::engine;
use crate::text::text_to_binary;

pub const CHUNK: u64 = CHUNK_BYTES as u64;
const PAGE: u64 = 64 << 10;

/// Small pseudo-random numbers (splitmix64): the same at every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

pub fn test_engine() -> Engine {
    engine::create(&engine::tests::settings(false), false).unwrap()
}

pub fn rewritten(engine: &Engine, text: &str) -> (Vec<u8>, Vec<u8>) {
    let original = text_to_binary(text).unwrap();
    let changed = rewrite(engine.get_wasm_features(), &original).unwrap().into_owned();
    (original, changed)
}

/// One instance, and how many functions the guest's author wrote.
pub struct Guest {
    pub store: Store<()>,
    pub instance: Instance,
    functions: u32,
}

/// What a call did, but for the memories.
#[derive(Debug, PartialEq)]
pub struct Done {
    pub results: Vec<String>,
    pub trap: Option<Trap>,
    /// Function indices, innermost first.
    pub frames: Vec<u32>,
}

impl Guest {
    pub fn new(engine: &Engine, wasm: &[u8], functions: u32) -> Guest {
        let module = Module::new(engine, wasm).unwrap();
        let mut store = Store::new(engine, ());
        store.set_epoch_deadline(1 << 40);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Guest { store, instance, functions }
    }

    pub fn call(&mut self, name: &str, arguments: &[u64]) -> Done {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let ty = function.ty(&self.store);
        let arguments: Vec<Val> = ty
            .params()
            .zip(arguments)
            .map(|(ty, value)| match ty {
                wasmtime::ValType::I64 => Val::I64(*value as i64),
                _ => Val::I32(*value as i32),
            })
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let outcome = function.call(&mut self.store, &arguments, &mut results);
        let (trap, frames) = match outcome {
            Ok(()) => (None, Vec::new()),
            Err(error) => {
                let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
                let own = frames.iter().map(|f| f.func_index()).filter(|f| *f < self.functions);
                (Some(*error.downcast_ref::<Trap>().unwrap()), own.collect())
            }
        };
        let results = results.iter().map(|value| format!("{value:?}")).collect();
        Done { results, trap, frames }
    }

    pub fn memory(&mut self, name: &str) -> &mut [u8] {
        let memory = self.instance.get_memory(&mut self.store, name).unwrap();
        memory.data_mut(self.store.as_context_mut())
    }
}

pub struct Pair {
    pub original: Guest,
    pub changed: Guest,
    pub memories: &'static [&'static str],
}

impl Pair {
    /// REQUIRES: the module has something to rewrite.
    pub fn new(text: &str, memories: &'static [&'static str]) -> Pair {
        let engine = test_engine();
        let (original, changed) = rewritten(&engine, text);
        assert_ne!(original, changed);
        let functions = count_functions(&original);
        assert!(count_functions(&changed) >= functions);
        let mut pair = Pair {
            original: Guest::new(&engine, &original, functions),
            changed: Guest::new(&engine, &changed, functions),
            memories,
        };
        let mut random = Random(1);
        for name in memories {
            for byte in pair.original.memory(name) {
                *byte = random.next() as u8;
            }
            let contents = pair.original.memory(name).to_vec();
            pair.changed.memory(name).copy_from_slice(&contents);
        }
        pair
    }

    pub fn same(&mut self, name: &str, arguments: &[u64]) -> Done {
        let original = self.original.call(name, arguments);
        let changed = self.changed.call(name, arguments);
        assert_eq!(original, changed, "{name} {arguments:?}");
        for memory in self.memories {
            let equal = self.original.memory(memory) == self.changed.memory(memory);
            assert!(equal, "{name} {arguments:?}: {memory} differs");
        }
        original
    }
}

fn count_functions(wasm: &[u8]) -> u32 {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::FunctionSection(section) = payload.unwrap() {
            count += section.count();
        }
    }
    count
}

/// Sizes and positions around what matters: the chunk's multiples, the ends, and beyond.
pub fn position(random: &mut Random, end: u64, size: u64) -> u64 {
    let room = end.saturating_sub(size);
    let exact = [0, 1, room, room.saturating_sub(1), room + 1, end, end + 1, CHUNK, u64::MAX];
    match random.below(3) {
        0 => random.of(&exact),
        _ => random.below(room + 2),
    }
}

pub fn amount(random: &mut Random, end: u64, chunk: u64) -> u64 {
    let exact = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 2 * chunk + 1, end];
    match random.below(4) {
        0 => random.below(end + 2),
        1 => random.of(&[end + 1, u64::from(u32::MAX), u64::MAX, u64::MAX - chunk, 1 << 32]),
        _ => random.of(&exact),
    }
}

/// `index`: the types of memory 0 and memory 1.
pub fn memory_module(to: &str, from: &str) -> String {
    let size = if to == "i64" && from == "i64" { "i64" } else { "i32" };
    let bytes = "\\01\\02\\03\\f0\\aa\\55\\00\\ff".repeat(90_000);
    format!(
        r#"(module (memory $to (export "to") {to} 21) (memory $from (export "from") {from} 20)
        (data $small "0123456789") (data $large "{bytes}")
        (func (export "fill") (param {to} i32 {to})
            (memory.fill $to (local.get 0) (local.get 1) (local.get 2)))
        (func (export "move") (param {to} {to} {to})
            (memory.copy $to $to (local.get 0) (local.get 1) (local.get 2)))
        (func (export "copy") (param {to} {from} {size})
            (memory.copy $to $from (local.get 0) (local.get 1) (local.get 2)))
        (func (export "init") (param {to} i32 i32)
            (memory.init $to $large (local.get 0) (local.get 1) (local.get 2)))
        (func (export "init_small") (param {to} i32 i32)
            (memory.init $to $small (local.get 0) (local.get 1) (local.get 2)))
        (func (export "drop") (data.drop $large)))"#
    )
}

fn compare_memories(to: &str, from: &str, seed: u64) {
    let mut pair = Pair::new(&memory_module(to, from), &["to", "from"]);
    let (to_end, from_end, data_end) = (21 * PAGE, 20 * PAGE, 720_000);
    let mut random = Random(seed);
    let mut trapped = 0;
    for _ in 0..150 {
        let size = amount(&mut random, to_end, CHUNK);
        let at = position(&mut random, to_end, size);
        let from = position(&mut random, from_end, size);
        let done = [
            pair.same("fill", &[at, random.next(), size]),
            pair.same("move", &[at, position(&mut random, to_end, size), size]),
            pair.same("copy", &[at, from, size]),
        ];
        trapped += done.iter().filter(|done| done.trap.is_some()).count();
        let size = amount(&mut random, data_end, CHUNK);
        let at = position(&mut random, to_end, size);
        pair.same("init", &[at, position(&mut random, data_end, size), size]);
        pair.same("init_small", &[at, 0, size.min(11)]);
    }
    // Both kinds happened.
    assert!((50..400).contains(&trapped), "{trapped}");
    pair.same("drop", &[]);
    for (at, from, size) in [(0, 0, 0), (7, 1, 0), (0, 0, 1), (0, 0, CHUNK + 1), (0, 9, 700_000)] {
        let done = pair.same("init", &[at, from, size]);
        assert_eq!(done.trap.is_some(), from + size > 0);
    }
}

#[test]
fn memories_of_32_bits() {
    compare_memories("i32", "i32", 10);
}

#[test]
fn memories_of_64_bits() {
    compare_memories("i64", "i64", 11);
}

#[test]
fn memories_of_mixed_indices() {
    compare_memories("i64", "i32", 12);
    compare_memories("i32", "i64", 13);
}

#[test]
fn overlaps_are_exact_in_both_directions() {
    for index in ["i32", "i64"] {
        let mut pair = Pair::new(&memory_module(index, index), &["to", "from"]);
        for size in [CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 4 * CHUNK + 5] {
            for distance in [0, 1, 15, CHUNK - 1, CHUNK, CHUNK + 1, size - 1, size] {
                let end = 21 * PAGE;
                if distance + size > end {
                    continue;
                }
                assert_eq!(pair.same("move", &[0, distance, size]).trap, None);
                assert_eq!(pair.same("move", &[distance, 0, size]).trap, None);
                assert_eq!(
                    pair.same("move", &[end - size, end - size - distance, size]).trap,
                    None
                );
                assert_eq!(
                    pair.same("move", &[end - size - distance, end - size, size]).trap,
                    None
                );
            }
        }
    }
}

#[test]
fn a_trap_comes_before_any_write() {
    for index in ["i32", "i64"] {
        let mut pair = Pair::new(&memory_module(index, index), &["to", "from"]);
        let before = pair.changed.memory("to").to_vec();
        let end = 21 * PAGE;
        let huge = if index == "i64" { u64::MAX - 3 } else { u64::from(u32::MAX) - 3 };
        for (at, size) in [(0, end + 1), (1, end), (end - CHUNK, CHUNK + 1), (5, huge), (huge, end)]
        {
            for done in [
                pair.same("fill", &[at, 0, size]),
                pair.same("move", &[at, 0, size]),
                pair.same("move", &[0, at, size]),
                pair.same("copy", &[0, at, size]),
                pair.same("init", &[at, 0, size]),
            ] {
                assert_eq!(done.trap, Some(Trap::MemoryOutOfBounds));
                assert_eq!(done.frames.len(), 1);
            }
        }
        assert!(before == pair.changed.memory("to"));
    }
}
