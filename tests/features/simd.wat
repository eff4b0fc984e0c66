;; Vectors of 128 bits: four products at once, added up, and a shuffle.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (func $right (result i32)
    (local $v v128)
    (local.set $v
      (i32x4.mul (v128.const i32x4 1 2 3 4) (v128.const i32x4 10 20 30 40)))
    ;; 10, 40, 90, 160 backwards.
    (local.set $v
      (i8x16.shuffle 12 13 14 15 8 9 10 11 4 5 6 7 0 1 2 3 (local.get $v) (local.get $v)))
    (i32.and
      (i32.eq (i32x4.extract_lane 0 (local.get $v)) (i32.const 160))
      (i32.eq (i32x4.extract_lane 2 (local.get $v)) (i32.const 40))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
