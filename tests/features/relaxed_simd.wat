;; A multiplication with addition, whose result is the same whether it is rounded once or twice,
;; and a swizzle with indices in range.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (func $right (result i32)
    (i32.and
      (f32.eq
        (f32x4.extract_lane 3
          (f32x4.relaxed_madd
            (v128.const f32x4 1 2 3 4) (v128.const f32x4 5 6 7 8) (v128.const f32x4 1 1 1 1)))
        (f32.const 33))
      (i32.eq
        (i8x16.extract_lane_u 0
          (i8x16.relaxed_swizzle
            (v128.const i8x16 0 1 2 3 4 5 6 77 8 9 10 11 12 13 14 15)
            (v128.const i8x16 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0)))
        (i32.const 77))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
