//! Tables: as tests.rs, which has the harness.

use wasmtime::Trap;

use super::tests::{amount, position, Pair, Random};
use super::CHUNK_TABLE_ELEMENTS;

/// Holds small numbers, so that contents can be summed up in the guest.
pub fn table_module(to: &str, from: &str) -> String {
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
