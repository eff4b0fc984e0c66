//! The rewritten module against the original: same results, same contents, same traps, same frames.

use wasmparser::{Parser, Payload, Validator};
use wasmtime::{AsContextMut, Engine, Instance, Module, Store, Trap, Val, WasmBacktrace};

use super::*;
use crate::engine;
use crate::text::text_to_binary;

const CHUNK: u64 = CHUNK_BYTES as u64;
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

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

pub fn test_engine() -> Engine {
    engine::create(&engine::tests::settings(false)).unwrap()
}

pub fn rewritten(engine: &Engine, text: &str) -> (Vec<u8>, Vec<u8>) {
    let original = text_to_binary(text).unwrap();
    let changed = rewrite(engine.get_wasm_features(), &original).unwrap().into_owned();
    (original, changed)
}

fn unchanged(text: &str) -> bool {
    let engine = test_engine();
    let original = text_to_binary(text).unwrap();
    let borrowed =
        matches!(rewrite(engine.get_wasm_features(), &original).unwrap(), Cow::Borrowed(_));
    borrowed
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
    results: Vec<String>,
    trap: Option<Trap>,
    /// Function indices, innermost first.
    frames: Vec<u32>,
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
fn position(random: &mut Random, end: u64, size: u64) -> u64 {
    let room = end.saturating_sub(size);
    let exact = [0, 1, room, room.saturating_sub(1), room + 1, end, end + 1, CHUNK, u64::MAX];
    match random.below(3) {
        0 => random.of(&exact),
        _ => random.below(room + 2),
    }
}

fn amount(random: &mut Random, end: u64, chunk: u64) -> u64 {
    let exact = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 2 * chunk + 1, end];
    match random.below(4) {
        0 => random.below(end + 2),
        1 => random.of(&[end + 1, u64::from(u32::MAX), u64::MAX, u64::MAX - chunk, 1 << 32]),
        _ => random.of(&exact),
    }
}

/// `index`: the types of memory 0 and memory 1.
fn memory_module(to: &str, from: &str) -> String {
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

/// Holds small numbers, so that contents can be summed up in the guest.
fn table_module(to: &str, from: &str) -> String {
    let size = if to == "i64" && from == "i64" { "i64" } else { "i32" };
    let items: String = (0..6000).map(|i| format!("(ref.i31 (i32.const {}))", i * 7 + 1)).collect();
    let sum = |table: &str, index: &str| {
        format!(
            r#"(func (export "sum_{table}") (result i64) (local $i {index}) (local $sum i64)
            (loop $next
              (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31))
                (i64.extend_i32_s (i31.get_s (ref.cast (ref i31) (table.get ${table} (local.get $i)))))))
              (br_if $next ({index}.lt_u
                (local.tee $i ({index}.add (local.get $i) ({index}.const 1)))
                (table.size ${table}))))
            (local.get $sum))"#
        )
    };
    format!(
        r#"(module (table $to {to} 7000 anyref (ref.i31 (i32.const 3)))
        (table $from {from} 6500 anyref (ref.i31 (i32.const 5)))
        (elem $items anyref {items})
        (func (export "fill") (param {to} i32 {to})
            (table.fill $to (local.get 0) (ref.i31 (local.get 1)) (local.get 2)))
        (func (export "move") (param {to} {to} {to})
            (table.copy $to $to (local.get 0) (local.get 1) (local.get 2)))
        (func (export "copy") (param {to} {from} {size})
            (table.copy $to $from (local.get 0) (local.get 1) (local.get 2)))
        (func (export "init") (param {to} i32 i32)
            (table.init $to $items (local.get 0) (local.get 1) (local.get 2)))
        (func (export "init_from") (param {from} i32 i32)
            (table.init $from $items (local.get 0) (local.get 1) (local.get 2)))
        (func (export "drop") (elem.drop $items)) {} {})"#,
        sum("to", to),
        sum("from", from),
    )
}

#[test]
fn tables() {
    let chunk = u64::from(CHUNK_TABLE_ELEMENTS);
    for (to, from) in [("i32", "i32"), ("i64", "i64"), ("i64", "i32"), ("i32", "i64")] {
        let mut pair = Pair::new(&table_module(to, from), &[]);
        let mut random = Random(20);
        for round in 0..60 {
            let size = amount(&mut random, 7000, chunk);
            let at = position(&mut random, 7000, size);
            pair.same("fill", &[at, random.below(1 << 30), size.min(chunk + 1)]);
            pair.same("init_from", &[position(&mut random, 6500, size), 3, size]);
            pair.same("init", &[at, position(&mut random, 6000, size), size]);
            pair.same("move", &[at, position(&mut random, 7000, size), size]);
            pair.same("copy", &[at, position(&mut random, 6500, size), size]);
            if round % 4 == 0 {
                pair.same("sum_to", &[]);
                pair.same("sum_from", &[]);
            }
        }
        assert_eq!(pair.same("move", &[0, 1, 7000]).trap, Some(Trap::TableOutOfBounds));
        assert_eq!(pair.same("move", &[1, 0, 6999]).trap, None);
        assert_eq!(pair.same("move", &[0, 1, 6999]).trap, None);
        pair.same("sum_to", &[]);
        pair.same("drop", &[]);
        assert_eq!(pair.same("init", &[0, 0, 5000]).trap, Some(Trap::TableOutOfBounds));
        assert_eq!(pair.same("init", &[0, 0, 0]).trap, None);
        pair.same("sum_to", &[]);
    }
}

#[test]
fn tables_of_every_element_type() {
    for (ty, value) in [
        ("funcref", "(ref.func $f)"),
        ("(ref null $t)", "(ref.func $f)"),
        ("externref", "(ref.null extern)"),
        ("(ref null $s)", "(struct.new $s)"),
        ("exnref", "(ref.null exn)"),
    ] {
        let text = format!(
            r#"(module (type $t (func)) (type $s (struct)) (table $a 5000 {ty}) (table $b 5000 {ty})
            (func $f (export "f")) (elem declare func $f)
            (func (export "fill") (param i32 i32)
                (table.fill $a (local.get 0) {value} (local.get 1)))
            (func (export "copy") (param i32 i32 i32)
                (table.copy $b $a (local.get 0) (local.get 1) (local.get 2)))
            (func (export "null") (param i32) (result i32)
                (ref.is_null (table.get $b (local.get 0)))))"#
        );
        let mut pair = Pair::new(&text, &[]);
        assert_eq!(pair.same("fill", &[10, 4500]).trap, None);
        assert_eq!(pair.same("copy", &[100, 0, 4800]).trap, None);
        for index in [0, 99, 100, 109, 110, 2000, 4609, 4610, 4899, 4900, 4999] {
            pair.same("null", &[index]);
        }
        assert_eq!(pair.same("fill", &[501, 4500]).trap, Some(Trap::TableOutOfBounds));
    }
}

/// A table that holds no null: the value's type has no default either.
#[test]
fn a_table_without_nulls() {
    let mut pair = Pair::new(
        r#"(module (type $t (func (result i32))) (table $a 5000 (ref $t) (ref.func $f))
        (func $f (type $t) (i32.const 1)) (func $g (type $t) (i32.const 2))
        (elem declare func $g)
        (func (export "fill") (param i32 i32)
            (table.fill $a (local.get 0) (ref.func $g) (local.get 1)))
        (func (export "get") (param i32) (result i32)
            (call_ref $t (table.get $a (local.get 0)))))"#,
        &[],
    );
    assert_eq!(pair.same("fill", &[3, 4990]).trap, None);
    for index in [0, 2, 3, 2050, 4992, 4993, 4999] {
        pair.same("get", &[index]);
    }
}

fn array_module(storage: &str, value: &str, get: &str) -> String {
    let bytes = "\\01\\92\\03\\f0\\aa\\55\\00\\7f".repeat(100_000);
    format!(
        r#"(module (type $a (array (mut {storage})))
        (global $x (mut (ref null $a)) (ref.null $a)) (global $y (mut (ref null $a)) (ref.null $a))
        (data $bytes "{bytes}")
        (func (export "make") (param $value i32) (param $size i32)
            (global.set $x (array.new $a {value} (local.get $size)))
            (global.set $y (array.new_default $a (local.get $size))))
        (func (export "clear") (global.set $x (ref.null $a)))
        (func (export "fill") (param i32) (param $value i32) (param i32)
            (array.fill $a (global.get $x) (local.get 0) {value} (local.get 2)))
        (func (export "move") (param i32 i32 i32)
            (array.copy $a $a (global.get $x) (local.get 0) (global.get $x) (local.get 1)
                (local.get 2)))
        (func (export "copy") (param i32 i32 i32)
            (array.copy $a $a (global.get $y) (local.get 0) (global.get $x) (local.get 1)
                (local.get 2)))
        {init}
        (func $sum (param $a (ref $a)) (result i64) (local $i i32) (local $sum i64)
            (loop $next
              (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) {get}))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (array.len (local.get $a)))))
            (local.get $sum))
        (func (export "sum") (result i64)
            (i64.xor (call $sum (ref.as_non_null (global.get $x)))
                (call $sum (ref.as_non_null (global.get $y))))))"#,
        init = if storage.ends_with("ref") {
            String::new()
        } else {
            r#"(func (export "init") (param i32 i32 i32)
                (array.init_data $a $bytes (global.get $x) (local.get 0) (local.get 1)
                    (local.get 2)))
            (func (export "new_data") (param i32 i32)
                (global.set $x (array.new_data $a $bytes (local.get 0) (local.get 1))))
            (func (export "drop") (data.drop $bytes))"#
                .to_string()
        },
    )
}

fn compare_arrays(storage: &str, value: &str, get: &str, chunk: u64, step: u64) {
    let mut pair = Pair::new(&array_module(storage, value, get), &[]);
    let mut random = Random(30);
    let size = 3 * chunk + 77;
    assert_eq!(pair.same("fill", &[0, 1, 0]).trap, Some(Trap::NullReference));
    assert_eq!(pair.same("fill", &[0, 1, chunk + 1]).trap, Some(Trap::NullReference));
    assert_eq!(pair.same("make", &[5, size]).trap, None);
    for round in 0..40 {
        let count = amount(&mut random, size, chunk);
        let at = position(&mut random, size, count);
        pair.same("fill", &[at, random.next(), count.min(chunk + 9)]);
        pair.same("copy", &[at, position(&mut random, size, count), count]);
        pair.same("move", &[at, position(&mut random, size, count), count]);
        if step != 0 {
            let count = amount(&mut random, 800_000 / step, chunk);
            let from = position(&mut random, 800_000, count.saturating_mul(step));
            pair.same("init", &[position(&mut random, size, count), from, count]);
        }
        if round % 8 == 0 {
            pair.same("sum", &[]);
        }
    }
    assert_eq!(pair.same("move", &[0, 1, size - 1]).trap, None);
    assert_eq!(pair.same("move", &[1, 0, size - 1]).trap, None);
    assert_eq!(pair.same("copy", &[1, 0, size - 1]).trap, None);
    pair.same("sum", &[]);
    if step != 0 {
        pair.same("new_data", &[8, 800_000 / step - 8]);
        pair.same("new_data", &[8, 800_000 / step + 1]);
        pair.same("drop", &[]);
        assert_eq!(pair.same("init", &[0, 0, chunk + 1]).trap, Some(Trap::MemoryOutOfBounds));
        pair.same("sum", &[]);
    }
    pair.same("clear", &[]);
    assert_eq!(pair.same("move", &[0, 0, chunk + 1]).trap, Some(Trap::NullReference));
}

#[test]
fn arrays_of_bytes() {
    let get = "(i64.extend_i32_u (array.get_u $a (local.get $a) (local.get $i)))";
    compare_arrays("i8", "(local.get $value)", get, CHUNK, 1);
    compare_arrays("i16", "(local.get $value)", get, CHUNK / 2, 2);
}

#[test]
fn arrays_of_numbers() {
    let get = "(array.get $a (local.get $a) (local.get $i))";
    compare_arrays("i64", "(i64.extend_i32_s (local.get $value))", get, CHUNK / 8, 8);
    let get = "(i64x2.extract_lane 1 (array.get $a (local.get $a) (local.get $i)))";
    compare_arrays("v128", "(i32x4.splat (local.get $value))", get, CHUNK / 16, 16);
}

#[test]
fn arrays_of_references() {
    let get = "(i64.extend_i32_s (ref.is_null (array.get $a (local.get $a) (local.get $i))))";
    let chunk = u64::from(CHUNK_ARRAY_REFERENCES);
    compare_arrays("anyref", "(ref.i31 (local.get $value))", get, chunk, 0);
    compare_arrays("externref", "(ref.null extern)", get, chunk, 0);
    // Objects whose counts must stay right: each holds itself in a fresh array.
    compare_arrays("eqref", "(array.new_default $a (i32.const 1))", get, chunk, 0);
}

#[test]
fn arrays_from_element_segments() {
    let items: String =
        (0..20_000).map(|i| format!("(ref.i31 (i32.const {}))", i % 1000)).collect();
    let text = format!(
        r#"(module (type $a (array (mut i31ref))) (elem $items i31ref {items})
        (global $x (mut (ref null $a)) (ref.null $a))
        (func (export "make") (param i32) (global.set $x (array.new_default $a (local.get 0))))
        (func (export "init") (param i32 i32 i32)
            (array.init_elem $a $items (global.get $x) (local.get 0) (local.get 1) (local.get 2)))
        (func (export "drop") (elem.drop $items))
        (func (export "get") (param i32) (result i32)
            (i31.get_s (array.get $a (global.get $x) (local.get 0)))))"#
    );
    let mut pair = Pair::new(&text, &[]);
    pair.same("make", &[30_000]);
    assert_eq!(pair.same("init", &[5, 9, 19_991]).trap, None);
    for index in [0, 4, 5, 8195, 8196, 8197, 16_389, 19_995, 19_996, 29_999] {
        pair.same("get", &[index]);
    }
    assert_eq!(pair.same("init", &[5, 9, 19_992]).trap, Some(Trap::TableOutOfBounds));
    assert_eq!(pair.same("init", &[20_000, 0, 10_001]).trap, Some(Trap::ArrayOutOfBounds));
    pair.same("drop", &[]);
    assert_eq!(pair.same("init", &[5, 9, 10_000]).trap, Some(Trap::TableOutOfBounds));
}

#[test]
fn a_new_array_is_bounded() {
    let engine = test_engine();
    for (storage, size) in [("i8", 1), ("i16", 2), ("f32", 4), ("anyref", 4), ("f64", 8)] {
        let (_, changed) = rewritten(
            &engine,
            &format!(
                r#"(module (type $a (array (mut {storage})))
                (func (export "new") (param i32) (result i32)
                    (array.len (array.new_default $a (local.get 0)))))"#
            ),
        );
        let mut guest = Guest::new(&engine, &changed, 1);
        let most = u64::from(MAX_NEW_ARRAY_BYTES) / size;
        assert_eq!(guest.call("new", &[most]).results, [format!("I32({most})")]);
        for more in [most + 1, 1 << 31, u64::from(u32::MAX)] {
            let done = guest.call("new", &[more]);
            assert_eq!((done.trap, done.frames), (Some(Trap::AllocationTooLarge), vec![0]));
        }
    }
    let (_, changed) = rewritten(
        &engine,
        r#"(module (type $a (array i8)) (data $d "abc") (type $r (array (ref $a)))
        (func (export "data") (param i32) (drop (array.new_data $a $d (i32.const 0) (local.get 0))))
        (func (export "new") (param i32)
            (drop (array.new $r (array.new_fixed $a 0) (local.get 0)))))"#,
    );
    let mut guest = Guest::new(&engine, &changed, 2);
    assert_eq!(guest.call("data", &[3]).trap, None);
    assert_eq!(guest.call("data", &[4]).trap, Some(Trap::MemoryOutOfBounds));
    assert_eq!(guest.call("data", &[9 << 20]).trap, Some(Trap::AllocationTooLarge));
    assert_eq!(guest.call("new", &[2 << 20]).trap, None);
    assert_eq!(guest.call("new", &[(2 << 20) + 1]).trap, Some(Trap::AllocationTooLarge));
}

#[test]
fn what_cannot_be_large_stays_as_it_is() {
    for text in [
        "(module)",
        "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 262144))))",
        "(module (memory i64 1) (func
            (memory.copy (i64.const 0) (i64.const 9) (i64.const 262144))))",
        // Four pages are a chunk.
        "(module (memory 1 4) (func (param i32)
            (memory.fill (i32.const 0) (i32.const 0) (local.get 0))))",
        "(module (memory 1) (memory 1 4) (func (param i32)
            (memory.copy 0 1 (i32.const 0) (i32.const 0) (local.get 0))))",
        "(module (memory 1) (data $d \"abc\") (func (param i32)
            (memory.init $d (i32.const 0) (i32.const 0) (local.get 0))))",
        // Rust's tables cannot grow.
        "(module (table 100 100 funcref) (func (param i32)
            (table.fill (i32.const 0) (ref.null func) (local.get 0))))",
        "(module (type $a (array i8)) (func
            (drop (array.new_default $a (i32.const 8388608)))))",
    ] {
        assert!(unchanged(text), "{text}");
    }
    for text in [
        "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 262145))))",
        "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const -1))))",
        "(module (memory 1 5) (func (param i32)
            (memory.fill (i32.const 0) (i32.const 0) (local.get 0))))",
        // The constant is not the size.
        "(module (memory 1) (func (param i32) (i32.const 0) (i32.const 0) (local.get 0) (i32.const 1)
            drop memory.fill))",
        "(module (type $a (array i8)) (func
            (drop (array.new_default $a (i32.const 8388609)))))",
    ] {
        assert!(!unchanged(text), "{text}");
    }
}

/// Code that is never reached is validated with operands of any type.
#[test]
fn unreachable_code_and_deep_blocks() {
    let mut pair = Pair::new(
        r#"(module (memory (export "m") 20) (table 10 funcref)
        (func (export "never") (param i32) (if (local.get 0) (then)) (unreachable) memory.fill
            memory.copy (table.fill 0) (block (param) br 0 memory.copy) memory.fill)
        (func (export "many") (param i32 i64 i64 i32) (result i32) (local f64 i32 v128)
            (block $out (loop $again
                (memory.fill (i32.const 5) (local.get 0) (local.get 3))
                (br_if $out (i32.lt_u (local.get 3) (i32.const 1000)))
                (memory.copy (i32.const 9) (i32.const 3) (local.get 3))
                (local.set 3 (i32.shr_u (local.get 3) (i32.const 1)))
                (br $again)))
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 3))
            (local.get 3)))"#,
        &["m"],
    );
    assert_eq!(pair.same("never", &[0]).trap, Some(Trap::UnreachableCodeReached));
    assert_eq!(pair.same("many", &[7, 1, 2, 1_200_000]).trap, None);
    assert_eq!(pair.same("many", &[7, 1, 2, 1_400_000]).trap, Some(Trap::MemoryOutOfBounds));
}

fn sections(wasm: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut reader = BinaryReader::new(&wasm[8..], 8);
    let mut found = Vec::new();
    while !reader.eof() {
        let id = reader.read_u8().unwrap();
        found.push((id, wasm[reader.read_reader().unwrap().range()].to_vec()));
    }
    found
}

#[test]
fn all_other_sections_survive_byte_for_byte() {
    let engine = test_engine();
    let (original, changed) = rewritten(
        &engine,
        r#"(module $named (import "m" "f" (func $imported (param i32)))
        (table 2 funcref) (memory (export "memory") 1 100) (global $g (mut i32) (i32.const 9))
        (tag $t (param i32))
        (func $clear (export "clear") (param $n i32)
            (memory.fill (i32.const 0) (i32.const 0) (local.get $n)))
        (func $plain (call $imported (i32.const 1)))
        (start $plain) (elem (i32.const 0) func $plain $clear)
        (data (i32.const 3) "active") (data "passive")
        (@custom "note" (after data) "kept") (@custom "first" (before first) "too"))"#,
    );
    let (before, after) = (sections(&original), sections(&changed));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.0, after.0);
        let grows = [TYPE_SECTION, FUNCTION_SECTION, CODE_SECTION].contains(&before.0);
        assert_eq!(before.1 != after.1, grows, "section {}", before.0);
    }
    assert!(changed.len() < original.len() + 200);
}

/// An index that is one too large in the original would name a helper in the result.
#[test]
fn appending_makes_no_invalid_module_valid() {
    let features = test_engine().get_wasm_features();
    let fill = "(func (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))";
    for text in [
        format!("(module (memory 1) {fill} (export \"f\" (func 1)))"),
        format!("(module (memory 1) {fill} (func (call 2)))"),
        format!("(module (memory 1) {fill} (func (type 2)))"),
        format!("(module (memory 1) {fill} (table 1 funcref) (elem (i32.const 0) func 1))"),
        "(module (func (param i32)
            (memory.fill (i32.const 0) (i32.const 0) (local.get 0))))"
            .to_string(),
    ] {
        let wasm = text_to_binary(&text).unwrap();
        assert!(matches!(rewrite(features, &wasm), Err(Refusal::Invalid(_))), "{text}");
    }
}

#[test]
fn a_function_without_room_is_refused() {
    let features = test_engine().get_wasm_features();
    let with_locals = |count: usize| {
        text_to_binary(&format!(
            "(module (memory 1) (func (param i32) (local {})
                (memory.fill (i32.const 0) (i32.const 0) (local.get 0))))",
            "i32 ".repeat(count)
        ))
        .unwrap()
    };
    assert!(rewrite(features, &with_locals(49_996)).is_ok());
    assert!(matches!(rewrite(features, &with_locals(49_997)), Err(Refusal::Unsupported(_))));

    let fills = "(memory.fill (i32.const 0) (i32.const 0) (local.get 0))";
    let large = text_to_binary(&format!(
        "(module (memory 1) (func (param i32) {}))",
        fills.repeat(480_000)
    ))
    .unwrap();
    assert!(matches!(rewrite(features, &large), Err(Refusal::Unsupported(_))));
    let many = format!("(func unreachable {})", "memory.fill ".repeat(2000));
    let many = text_to_binary(&format!("(module (memory 1) {})", many.repeat(251))).unwrap();
    let Err(Refusal::Unsupported(text)) = rewrite(features, &many) else { panic!() };
    assert!(text.contains("500000 bulk instructions"), "{text}");
}

/// Every cut of a module and many changed bytes: refused or rewritten to something valid.
#[test]
fn damaged_modules_do_no_harm() {
    let features = test_engine().get_wasm_features();
    let whole =
        text_to_binary(&memory_module("i32", "i64").replace(&"\\01".repeat(3), "")).unwrap();
    let mut random = Random(40);
    let head = whole.len().min(400);
    for cut in (0..head).chain([whole.len() - 1]) {
        // Some prefixes are modules.
        let valid = Validator::new_with_features(features).validate_all(&whole[..cut]).is_ok();
        assert_eq!(rewrite(features, &whole[..cut]).is_ok(), valid, "{cut}");
    }
    let small = text_to_binary(&table_module("i32", "i64")).unwrap();
    let mut accepted = 0;
    for _ in 0..3000 {
        let mut damaged = small.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] = random.next() as u8;
        }
        if let Ok(changed) = rewrite(features, &damaged) {
            accepted += 1;
            Validator::new_with_features(features).validate_all(&changed).unwrap();
        }
    }
    assert!(accepted > 0);
}
