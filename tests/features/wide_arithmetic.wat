;; Sums and products of 128 bits.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (func $right (result i32)
    (local $low i64) (local $high i64)
    ;; (2^64 - 1)^2 = 2^128 - 2^65 + 1
    (i64.mul_wide_u (i64.const -1) (i64.const -1))
    (local.set $high)
    (local.set $low)
    (if (i32.eqz (i32.and
          (i64.eq (local.get $low) (i64.const 1))
          (i64.eq (local.get $high) (i64.const -2))))
      (then (return (i32.const 0))))
    ;; The carry.
    (i64.add128 (i64.const -1) (i64.const 1) (i64.const 1) (i64.const 2))
    (local.set $high)
    (local.set $low)
    (i32.and (i64.eqz (local.get $low)) (i64.eq (local.get $high) (i64.const 4))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
