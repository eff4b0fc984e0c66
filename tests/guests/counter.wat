;; Prints a digit that lies in memory, a global and a table of its own, each raised before. In a
;; fresh instance all of them begin at 0: it prints "111\n", always.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (table $table 2 funcref)
  (global $global (mut i32) (i32.const 48))
  (elem declare func $nothing)
  (func $nothing)
  (data (i32.const 0) "\10\00\00\00\04\00\00\00")  ;; one iovec: 4 bytes at 16
  (data (i32.const 16) "000\n")
  (func (export "_start")
    ;; The counter in memory is kept on the second page, which no data segment writes.
    (i32.store8 (i32.const 70000) (i32.add (i32.load8_u (i32.const 70000)) (i32.const 1)))
    (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.load8_u (i32.const 70000))))
    (global.set $global (i32.add (global.get $global) (i32.const 1)))
    (i32.store8 (i32.const 17) (global.get $global))
    ;; '1' when the slot was empty, else '2'.
    (i32.store8 (i32.const 18)
      (select (i32.const 49) (i32.const 50) (ref.is_null (table.get $table (i32.const 1)))))
    (table.set $table (i32.const 1) (ref.func $nothing))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (unreachable)))))
