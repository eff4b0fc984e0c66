//! Arrays of the garbage collector: as tests.rs, which has the harness.

use wasmtime::Trap;

use super::tests::{amount, position, rewritten, test_engine, Guest, Pair, Random, CHUNK};
use super::{CHUNK_ARRAY_REFERENCES, MAX_NEW_ARRAY_BYTES};

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

/// `step`: bytes of an element, where a data segment can be read into it.
fn compare_arrays(storage: &str, value: &str, get: &str, chunk: u64, step: Option<u64>) {
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
        if let Some(step) = step {
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
    if let Some(step) = step {
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
    compare_arrays("i8", "(local.get $value)", get, CHUNK, Some(1));
    compare_arrays("i16", "(local.get $value)", get, CHUNK / 2, Some(2));
}

#[test]
fn arrays_of_numbers() {
    let get = "(array.get $a (local.get $a) (local.get $i))";
    compare_arrays("i64", "(i64.extend_i32_s (local.get $value))", get, CHUNK / 8, Some(8));
    let get = "(i64x2.extract_lane 1 (array.get $a (local.get $a) (local.get $i)))";
    compare_arrays("v128", "(i32x4.splat (local.get $value))", get, CHUNK / 16, Some(16));
}

#[test]
fn arrays_of_references() {
    let get = "(i64.extend_i32_s (ref.is_null (array.get $a (local.get $a) (local.get $i))))";
    let chunk = u64::from(CHUNK_ARRAY_REFERENCES);
    compare_arrays("anyref", "(ref.i31 (local.get $value))", get, chunk, None);
    compare_arrays("externref", "(ref.null extern)", get, chunk, None);
    // Objects whose counts must stay right: each holds itself in a fresh array.
    compare_arrays("eqref", "(array.new_default $a (i32.const 1))", get, chunk, None);
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
