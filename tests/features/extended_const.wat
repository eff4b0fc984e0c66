;; Constants that are computed: of a global, and of where data goes.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (global $base i32 (i32.const 1000))
  (global $sum i32
    (i32.add (i32.mul (global.get $base) (i32.const 2)) (i32.sub (i32.const 50) (i32.const 2))))
  (data (offset (i32.add (global.get $base) (i32.const 1048))) "\07")
  (func $right (result i32)
    (i32.eq (i32.load8_u (global.get $sum)) (i32.const 7)))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
