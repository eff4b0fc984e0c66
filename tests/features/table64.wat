;; A table with indices of 64 bits.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (type $number (func (result i32)))
  (table $large i64 2 funcref)
  (elem (table $large) (i64.const 1) func $seven)
  (func $seven (result i32) (i32.const 7))
  (func $right (result i32)
    (if (i64.ne (table.grow $large (ref.null func) (i64.const 2)) (i64.const 2))
      (then (return (i32.const 0))))
    (i32.and
      (i64.eq (table.size $large) (i64.const 4))
      (i32.eq (call_indirect $large (type $number) (i64.const 1)) (i32.const 7))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
