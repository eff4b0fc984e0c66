//! What instantiation does at once is bounded, and means the same as before.

use wasmtime::{Engine, Instance, Module, Store, Trap};

use super::startup::{MAX_PASSIVE_ELEMENTS, SPLIT_BYTES};
use super::tests::{rewritten, test_engine, Guest, Random};
use super::*;
use crate::text::text_to_binary;

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut random = Random(seed);
    (0..size).map(|_| random.next() as u8).collect()
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

fn memory_of(engine: &Engine, wasm: &[u8]) -> Vec<u8> {
    Guest::new(engine, wasm, 0).memory("m").to_vec()
}

/// Overlapping segments, static and not: what is written last wins, before as after.
#[test]
fn large_active_segments_are_written_in_pieces() {
    let engine = test_engine();
    let large = text_of(&noise(1, 2 * SPLIT_BYTES + 12_345));
    let exact = text_of(&noise(2, SPLIT_BYTES));
    for (index, offset) in
        [("i32", "i32.const"), ("i64", "i64.const"), ("i32", "global.get $g")].map(|(i, o)| (i, o))
    {
        let at = |offset_value: u32| match offset {
            "global.get $g" => {
                format!("(offset (global.get $g) (i32.const {offset_value}) i32.add)")
            }
            _ => format!("({offset} {offset_value})"),
        };
        let text = format!(
            r#"(module (memory (export "m") {index} 100) (global $g i32 (i32.const 5))
            (data {} "first") (data $kept "passive") (data {} "{large}") (data {} "{exact}")
            (data {} "over it") (data {} "")
            (func (export "init") (param {index})
                (memory.init $kept (local.get 0) (i32.const 0) (i32.const 7))))"#,
            at(0),
            at(3),
            at(1_500_000),
            at(1_048_570),
            at(6_553_500),
        );
        let (original, changed) = rewritten(&engine, &text);
        assert_ne!(original, changed);
        let expected = memory_of(&engine, &original);
        assert!(expected.iter().filter(|byte| **byte != 0).count() > 2 * SPLIT_BYTES);
        assert!(expected == memory_of(&engine, &changed), "{index} {offset}");
        let mut guest = Guest::new(&engine, &changed, 1);
        assert_eq!(
            guest.call("init", &[77]),
            Guest::new(&engine, &original, 1).call("init", &[77])
        );
        assert_eq!(&guest.memory("m")[77..84], b"passive");
    }
}

#[test]
fn a_segment_of_one_piece_stays() {
    let engine = test_engine();
    let data = text_of(&noise(3, SPLIT_BYTES));
    let (original, changed) = rewritten(
        &engine,
        &format!(r#"(module (memory (export "m") 17) (data (i32.const 9) "{data}"))"#),
    );
    assert_eq!(original, changed);
}

#[test]
fn a_large_segment_out_of_bounds_traps() {
    let engine = test_engine();
    let data = text_of(&noise(4, SPLIT_BYTES + 1));
    for offset in [
        "(i32.const 1)",
        "(i32.const -1)",
        "(global.get $g)",
        "(offset (global.get $g) (i32.const -9) i32.mul)",
    ] {
        let (_, changed) = rewritten(
            &engine,
            &format!(
                r#"(module (memory 16) (global $g i32 (i32.const 3)) (data {offset} "{data}"))"#
            ),
        );
        let module = Module::new(&engine, &changed).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1 << 40);
        let error = Instance::new(&mut store, &module, &[]).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds), "{offset}");
    }
}

#[test]
fn too_many_passive_elements_are_refused() {
    let features = test_engine().get_wasm_features();
    let with = |count: u64| {
        let half = "$f ".repeat(count as usize / 2);
        let text = format!("(module (func $f) (elem func {half}) (elem func {half}))");
        text_to_binary(&text).unwrap()
    };
    assert!(rewrite(features, &with(MAX_PASSIVE_ELEMENTS)).is_ok());
    let wasm = with(MAX_PASSIVE_ELEMENTS + 2);
    let Err(Refusal::Unsupported(text)) = rewrite(features, &wasm) else { panic!() };
    assert!(text.contains("65538 elements"), "{text}");
}

#[test]
fn large_arrays_in_constant_expressions_are_refused() {
    let features = test_engine().get_wasm_features();
    let global = |size: &str| {
        let text = format!(
            "(module (type $a (array i16)) (global $g i32 (i32.const 5))
            (global (ref $a) {size} (array.new_default $a)))"
        );
        rewrite(features, &text_to_binary(&text).unwrap()).map(|_| ())
    };
    assert!(global("(i32.const 4194304)").is_ok());
    for size in ["(i32.const 4194305)", "(i32.const -1)", "(global.get $g)"] {
        assert!(matches!(global(size), Err(Refusal::Unsupported(_))), "{size}");
    }
    let table = "(module (type $a (array i8)) (table 1 (ref $a)
        (array.new $a (i32.const 1) (i32.mul (i32.const 4) (i32.const 4)))))";
    let wasm = text_to_binary(table).unwrap();
    assert!(matches!(rewrite(features, &wasm), Err(Refusal::Unsupported(_))));
    let element = "(module (type $a (array i8)) (elem (ref $a)
        (item (array.new $a (i32.const 1) (i32.const 9000000)))))";
    let wasm = text_to_binary(element).unwrap();
    assert!(matches!(rewrite(features, &wasm), Err(Refusal::Unsupported(_))));
}
