;; Tables of functions and of references, got, set, grown and filled.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (type $number (func (result i32)))
  (table $functions 1 funcref)
  (table $things 2 externref)
  (elem declare func $seven)
  (func $seven (result i32) (i32.const 7))
  (func $right (result i32)
    (table.set $functions (i32.const 0) (ref.func $seven))
    (if (i32.ne (table.grow $functions (ref.func $seven) (i32.const 3)) (i32.const 1))
      (then (return (i32.const 0))))
    (if (i32.ne (table.size $functions) (i32.const 4)) (then (return (i32.const 0))))
    (table.fill $functions (i32.const 1) (ref.null func) (i32.const 2))
    (i32.and
      (i32.and
        (i32.eq (i32.const 7) (call_indirect $functions (type $number) (i32.const 0)))
        (i32.eq (i32.const 7) (call_indirect $functions (type $number) (i32.const 3))))
      (i32.and
        (ref.is_null (table.get $functions (i32.const 2)))
        (ref.is_null (table.get $things (i32.const 1))))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
