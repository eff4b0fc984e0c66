// The guests of the conformance suite. The comment above each is its contract: a scripted engine
// that supplies the scenario by name does the same.
#include <array>
#include <string_view>

#include "base/check.h"
#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

struct Scenario {
  std::string_view name;
  std::string_view text;
};

constexpr std::array kScenarios{
    // Returns at once.
    Scenario{"finish", R"((module (memory (export "memory") 1) (func (export "_start"))))"},
    // note(7), note(8).
    Scenario{"note", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $note (i32.const 7)) (call $note (i32.const 8)))))"},
    // exit(CODE); never reaches the note(1) behind it.
    Scenario{"exit_0", R"((module (import "test" "exit" (func $exit (param i32)))
      (import "test" "note" (func $note (param i32)))
      (func (export "_start") (call $exit (i32.const 0)) (call $note (i32.const 1)))))"},
    Scenario{"exit_3", R"((module (import "test" "exit" (func $exit (param i32)))
      (import "test" "note" (func $note (param i32)))
      (func (export "_start") (call $exit (i32.const 3)) (call $note (i32.const 1)))))"},
    // refuse().
    Scenario{"refuse", R"((module (import "test" "refuse" (func $refuse))
      (func (export "_start") (call $refuse))))"},
    // note(wait(10)), note(wait(20)), note(wait(30)).
    Scenario{"wait", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "wait" (func $wait (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (call $note (call $wait (i32.const 10)))
        (call $note (call $wait (i32.const 20)))
        (call $note (call $wait (i32.const 30))))))"},
    // wait_then_exit(5).
    Scenario{"wait_then_exit", R"((module
      (import "test" "wait_then_exit" (func $wait (param i32)))
      (func (export "_start") (call $wait (i32.const 5)))))"},
    // note(1), then loops for ever without calling the host.
    Scenario{"loop", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $note (i32.const 1)) (loop $l (br $l)))))"},
    // note(memory.grow(10000 pages)), then returns.
    Scenario{"grow", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $note (memory.grow (i32.const 10000))))))"},
    // The same, then a trap, exit(4), exit(0).
    Scenario{"grow_then_trap", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $note (memory.grow (i32.const 10000))) unreachable)))"},
    Scenario{"grow_then_exit_4", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "exit" (func $exit (param i32))) (memory (export "memory") 1)
      (func (export "_start") (call $note (memory.grow (i32.const 10000)))
        (call $exit (i32.const 4)))))"},
    Scenario{"grow_then_exit_0", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "exit" (func $exit (param i32))) (memory (export "memory") 1)
      (func (export "_start") (call $note (memory.grow (i32.const 10000)))
        (call $exit (i32.const 0)))))"},
    // note(memory.grow(10 pages)), then wait(1).
    Scenario{"grow_then_wait", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "wait" (func $wait (param i32) (result i32))) (memory (export "memory") 1)
      (func (export "_start") (call $note (memory.grow (i32.const 10)))
        (drop (call $wait (i32.const 1))))))"},
    // Imports nothing.such, test.none and a global.
    Scenario{"unknown_imports", R"((module (import "nothing" "such" (func))
      (import "test" "none" (func (param i32))) (import "test" "global" (global i32))
      (func (export "_start"))))"},
    // Imports test.note with another type.
    Scenario{"wrong_signature", R"((module (import "test" "note" (func (param i64) (result f32)))
      (func (export "_start"))))"},
    // Exports "run" (note(5)), "wrong" of type (i32) -> (), and no _start.
    Scenario{"other_entry", R"((module (import "test" "note" (func $note (param i32)))
      (func (export "run") (call $note (i32.const 5)))
      (func (export "wrong") (param i32)) (global (export "global") i32 (i32.const 0))))"},
    // 2048 pages (128 MiB) and 1 page more than the default limit.
    Scenario{"memory_2048", R"((module (memory (export "memory") 2048) (func (export "_start"))))"},
    Scenario{"memory_2049", R"((module (memory (export "memory") 2049) (func (export "_start"))))"},

    // --- From here on only engines that execute WebAssembly. ------------------------------------
    Scenario{"trap_unreachable", R"((module (func $inner unreachable)
      (func $outer (call $inner)) (func (export "_start") (call $outer))))"},
    Scenario{"trap_memory", R"((module (memory 1)
      (func (export "_start") (drop (i32.load (i32.const 65533))))))"},
    Scenario{"trap_table", R"((module (table 1 funcref) (type $t (func))
      (func (export "_start") (call_indirect (type $t) (i32.const 1)))))"},
    Scenario{"trap_null", R"((module (table 1 funcref) (type $t (func))
      (func (export "_start") (call_indirect (type $t) (i32.const 0)))))"},
    Scenario{"trap_signature", R"((module (table funcref (elem $f)) (type $t (func (param i32)))
      (func $f) (func (export "_start") (call_indirect (type $t) (i32.const 1) (i32.const 0)))))"},
    Scenario{"trap_overflow", R"((module (func $div (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1)))
      (func (export "_start")
        (drop (call $div (i32.const 0x80000000) (i32.const -1))))))"},
    Scenario{"trap_division", R"((module (func $div (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1)))
      (func (export "_start") (drop (call $div (i32.const 1) (i32.const 0))))))"},
    Scenario{"trap_conversion", R"((module (func $to (param f32) (result i32)
        (i32.trunc_f32_s (local.get 0)))
      (func (export "_start") (drop (call $to (f32.const nan))))))"},
    Scenario{"trap_stack", R"((module (func $f (export "_start") (call $f) (call $f))))"},
    Scenario{"trap_exception", R"((module (tag $t) (func (export "_start") (throw $t))))"},
    // Each trap of an active segment that does not fit.
    Scenario{"trap_segment", R"((module (memory 1) (data (i32.const 65535) "ab")
      (func (export "_start"))))"},
    // Values of all types there and back; the notes are their bits.
    Scenario{"types", R"((module
      (import "test" "note" (func $note (param i32)))
      (import "test" "mixed" (func $mixed (param i32 i64 f32 f64) (result i64)))
      (import "test" "echo_i32" (func $i32 (param i32) (result i32)))
      (import "test" "echo_i64" (func $i64 (param i64) (result i64)))
      (import "test" "echo_f32" (func $f32 (param f32) (result f32)))
      (import "test" "echo_f64" (func $f64 (param f64) (result f64)))
      (import "test" "wait_i64" (func $wi64 (param i64) (result i64)))
      (import "test" "wait_f32" (func $wf32 (param f32) (result f32)))
      (import "test" "wait_f64" (func $wf64 (param f64) (result f64)))
      (func $both (param i32 i32) (call $note (i32.and (local.get 0) (local.get 1))))
      (func (export "_start")
        (call $note (i64.eq (i64.const 0x100000001)
          (call $mixed (i32.const -1) (i64.const 0x2) (f32.const 1.5) (f64.const -2.5))))
        (call $both (i32.eq (call $i32 (i32.const -7)) (i32.const -7))
                    (i64.eq (call $i64 (i64.const -7)) (i64.const -7)))
        (call $both (f32.eq (call $f32 (f32.const 0.1)) (f32.const 0.1))
                    (f64.eq (call $f64 (f64.const 0.1)) (f64.const 0.1)))
        (call $both (f32.eq (call $wf32 (f32.const 0.1)) (f32.const 0.1))
                    (f64.eq (call $wf64 (f64.const 0.1)) (f64.const 0.1)))
        (call $note (i64.eq (call $wi64 (i64.const -7)) (i64.const -7))))))"},
    // nine(1, …, 9) with values that need 64 bits; note of the result.
    Scenario{"nine", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "nine"
        (func $nine (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (func (export "_start") (call $note (call $nine (i32.const 1) (i32.const 2) (i32.const 3)
        (i32.const 4) (i32.const 5) (i64.const 0x600000006) (i64.const -7) (i32.const 8)
        (i32.const -9))))))"},
    // Reads and writes of host functions, inside and outside; each note is a host function's
    // answer.
    Scenario{"memory", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "read" (func $read (param i32 i32) (result i32)))
      (import "test" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "test" "memory_size" (func $size (result i32)))
      (memory (export "memory") 1) (data (i32.const 16) "hello")
      (func (export "_start")
        (call $note (call $read (i32.const 16) (i32.const 5)))
        (call $note (call $write (i32.const 65535) (i32.const 1) (i32.const 33)))
        (call $note (i32.load8_u (i32.const 65535)))
        (call $note (call $read (i32.const 65536) (i32.const 0)))
        (call $note (call $read (i32.const 65536) (i32.const 1)))
        (call $note (call $read (i32.const 65535) (i32.const 2)))
        (call $note (call $read (i32.const -1) (i32.const 2)))
        (call $note (call $read (i32.const 2) (i32.const -1)))
        (call $note (call $write (i32.const -1) (i32.const -1) (i32.const 0)))
        (call $note (call $size))
        (call $note (memory.grow (i32.const 1)))
        (call $note (call $size))
        (call $note (call $write (i32.const 65530) (i32.const 12) (i32.const 65)))
        (call $note (i32.load8_u (i32.const 65541))))))"},
    // No memory at all, and one that is not exported: its size is 0 for host functions.
    Scenario{"no_memory", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "memory_size" (func $size (result i32)))
      (import "test" "read" (func $read (param i32 i32) (result i32)))
      (func (export "_start") (call $note (call $size))
        (call $note (call $read (i32.const 0) (i32.const 0)))
        (call $note (call $read (i32.const 0) (i32.const 1))))))"},
    Scenario{"hidden_memory", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "memory_size" (func $size (result i32))) (memory 1)
      (global (export "memory") i32 (i32.const 0))
      (func (export "_start") (call $note (call $size)))))"},
    // The start function notes 1 and has "ready" read from memory and waits; _start notes 2.
    Scenario{"start", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "read" (func $read (param i32 i32) (result i32)))
      (import "test" "wait" (func $wait (param i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 8) "ready") (start $init)
      (func $init (call $note (i32.const 1)) (drop (call $read (i32.const 8) (i32.const 5)))
        (call $note (call $wait (i32.const 4))))
      (func (export "_start") (call $note (i32.const 2)))))"},
    // A start function that loops for ever, one that traps, and one that is an import.
    Scenario{"start_loops", R"((module (import "test" "note" (func $note (param i32)))
      (start $init) (func $init (call $note (i32.const 1)) (loop $l (br $l)))
      (func (export "_start") (call $note (i32.const 2)))))"},
    Scenario{"start_traps", R"((module (start $init) (func $init unreachable)
      (func (export "_start"))))"},
    // A start function that fills 100 MiB of a memory that is not exported, then traps.
    Scenario{"start_fills", R"((module (memory 1600) (start $fill)
      (func $fill (memory.fill (i32.const 0) (i32.const 7) (i32.const 104857600)) unreachable)
      (func (export "_start"))))"},
    Scenario{"start_imported", R"((module (import "test" "refuse" (func $refuse))
      (start $refuse) (func (export "_start"))))"},
    // The entry is an import itself.
    Scenario{"entry_imported", R"((module (import "test" "refuse" (func $refuse))
      (export "_start" (func $refuse))))"},
    // Notes how many bytes of its memory are not 0, whether its table's slot is filled, its global;
    // then makes all of them dirty. "dirty_trap" traps after that.
    Scenario{"dirty", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 3) (table $t 10 funcref) (global $g (mut i32) (i32.const 42))
      (elem declare func $f) (func $f)
      (func $count (result i32) (local $i i32) (local $n i32)
        (loop $l
          (local.set $n (i32.add (local.get $n) (i32.ne (i32.load8_u (local.get $i)) (i32.const 0))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $i) (i32.const 196608))))
        (local.get $n))
      (func (export "_start")
        (call $note (call $count))
        (call $note (i32.eqz (ref.is_null (table.get $t (i32.const 9)))))
        (call $note (global.get $g))
        (call $note (memory.size))
        (memory.fill (i32.const 0) (i32.const 255) (i32.const 196608))
        (table.fill $t (i32.const 0) (ref.func $f) (i32.const 10))
        (global.set $g (i32.const 1))
        (drop (memory.grow (i32.const 2)))
        (memory.fill (i32.const 196608) (i32.const 255) (i32.const 131072)))))"},
    Scenario{"dirty_trap", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 3) (global $g (mut i32) (i32.const 42))
      (func (export "_start")
        (call $note (i32.load8_u (i32.const 100000)))
        (call $note (global.get $g))
        (memory.fill (i32.const 0) (i32.const 255) (i32.const 196608))
        (global.set $g (i32.const 1))
        unreachable)))"},
    // Recursion to depth 1000 with a host call in each; without end, with a host call in each.
    Scenario{"recursion", R"((module (import "test" "deep" (func $deep))
      (func $f (param i32) (call $deep)
        (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "_start") (call $f (i32.const 999)))))"},
    Scenario{"recursion_without_end", R"((module (import "test" "deep" (func $deep))
      (func $f (export "_start") (call $deep) (call $f) (call $deep))))"},
    // note(table.grow(100,000,000)) of a table with 10 elements.
    Scenario{"table_grow", R"((module (import "test" "note" (func $note (param i32)))
      (table $t 10 funcref)
      (func (export "_start")
        (call $note (table.grow $t (ref.null func) (i32.const 100000000))) unreachable)))"},
    // 2000 pages in two memories; 2049 in two.
    Scenario{"memories_2000", R"((module (memory (export "memory") 1000) (memory 1000)
      (func (export "_start"))))"},
    Scenario{"memories_2049", R"((module (memory (export "memory") 1025) (memory 1024)
      (func (export "_start"))))"},
    // 6 pages in three memories and two tables; then growths of 4 and 8 pages, of 5 elements, of
    // no pages, and of 8 pages beyond a maximum, each noted; then wait(1).
    Scenario{"memories_and_tables", R"((module (import "test" "note" (func $note (param i32)))
      (import "test" "wait" (func $wait (param i32) (result i32)))
      (memory $a (export "memory") 1) (memory $b 2 10) (memory $c i64 3) (memory $d 0)
      (table $t 10 funcref) (table $u 7 externref) (table $v 0 funcref)
      (func (export "_start")
        (call $note (memory.grow $a (i32.const 4)))
        (call $note (memory.grow $b (i32.const 8)))
        (call $note (table.grow $t (ref.null func) (i32.const 5)))
        (call $note (memory.grow $a (i32.const 0)))
        (call $note (memory.grow $b (i32.const 8)))
        (drop (call $wait (i32.const 1))))))"},
    // Twenty times: note(memory.grow(1000 pages)), then an impossible growth of a 64-bit table.
    Scenario{"hidden_growth", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 1) (table $t i64 1 funcref)
      (func (export "_start") (local $i i32)
        (loop $l
          (call $note (memory.grow (i32.const 1000)))
          (drop (table.grow $t (ref.null func) (i64.const -1)))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                              (i32.const 20)))))))"},
    // Its own maximum, not our limit, refuses the growth; then it traps.
    Scenario{"own_maximum", R"((module (import "test" "note" (func $note (param i32)))
      (memory (export "memory") 1 2)
      (func (export "_start") (call $note (memory.grow (i32.const 5))) unreachable)))"},
    // Fills a garbage-collected heap without end.
    Scenario{"gc_heap", R"((module (type $a (array (mut i64)))
      (type $n (struct (field (ref null $n)) (field (ref $a))))
      (func (export "_start") (local $list (ref null $n))
        (loop $l
          (local.set $list (struct.new $n (local.get $list)
            (array.new $a (i64.const 1) (i32.const 8192))))
          (br $l)))))"},
};

}  // namespace

std::string_view scenario_text(std::string_view name) {
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == name) return scenario.text;
  }
  CHECK(false, "no such scenario:", name);
  return {};
}

}  // namespace godwit::engine::conformance
