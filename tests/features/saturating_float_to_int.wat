;; Floating point to integers without a trap: too large becomes the largest, NaN becomes 0.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (func $right (result i32)
    (i32.and
      (i32.and
        (i32.eq (i32.trunc_sat_f32_s (f32.const 1e20)) (i32.const 0x7fffffff))
        (i32.eq (i32.trunc_sat_f64_u (f64.const -5)) (i32.const 0)))
      (i32.and
        (i64.eq (i64.trunc_sat_f64_s (f64.const nan)) (i64.const 0))
        (i64.eq (i64.trunc_sat_f32_u (f32.const inf)) (i64.const -1)))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
