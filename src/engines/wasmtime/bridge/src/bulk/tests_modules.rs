//! Which modules are rewritten, what of them changes, which are refused.

use wasmparser::Validator;
use wasmtime::Trap;

use super::tests::{memory_module, rewritten, test_engine, Pair, Random};
use super::tests_tables::table_module;
use super::*;
use crate::text::text_to_binary;

fn unchanged(text: &str) -> bool {
    let engine = test_engine();
    let original = text_to_binary(text).unwrap();
    let borrowed =
        matches!(rewrite(engine.get_wasm_features(), &original).unwrap(), Cow::Borrowed(_));
    borrowed
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

/// The proposal is off in the engine; if it were on, the helpers would count wrongly.
#[test]
fn pages_of_another_size_are_refused() {
    let all = wasmparser::WasmFeatures::all();
    let wasm = text_to_binary("(module (memory 100 (pagesize 1)))").unwrap();
    assert!(matches!(rewrite(all, &wasm), Err(Refusal::Unsupported(_))));
    let enabled = test_engine().get_wasm_features();
    assert!(matches!(rewrite(enabled, &wasm), Err(Refusal::Invalid(_))));
}
