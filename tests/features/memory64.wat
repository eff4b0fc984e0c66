;; A memory with addresses of 64 bits, grown, written and read. (It is a second one, since WASI
;; preview 1 speaks of addresses of 32 bits: this needs multi-memory as well.)
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (memory $large i64 1 4)
  (func $right (result i32)
    (if (i64.ne (memory.grow $large (i64.const 2)) (i64.const 1)) (then (return (i32.const 0))))
    (i64.store $large (i64.const 131072) (i64.const 0x123456789abcdef))
    (memory.copy $large $large (i64.const 0) (i64.const 131072) (i64.const 8))
    (i32.and
      (i64.eq (memory.size $large) (i64.const 3))
      (i64.eq (i64.load $large (i64.const 0)) (i64.const 0x123456789abcdef))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
