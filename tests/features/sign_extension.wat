;; Small integers extended by their sign.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (func $right (result i32)
    (i32.and
      (i32.and
        (i32.eq (i32.extend8_s (i32.const 0x1280)) (i32.const -128))
        (i32.eq (i32.extend16_s (i32.const 0x18000)) (i32.const -32768)))
      (i32.and
        (i64.eq (i64.extend8_s (i64.const 0x7f)) (i64.const 127))
        (i64.eq (i64.extend32_s (i64.const 0x80000000)) (i64.const -2147483648)))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
