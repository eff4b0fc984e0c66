;; A function called by a reference that knows its type, and a reference that cannot be null.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (type $binary (func (param i32 i32) (result i32)))
  (elem declare func $subtract)
  (func $subtract (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $apply (param $f (ref $binary)) (result i32)
    (call_ref $binary (i32.const 50) (i32.const 8) (local.get $f)))
  (func $or_zero (param $f (ref null $binary)) (result i32)
    (block $null
      (return (call $apply (br_on_null $null (local.get $f)))))
    (i32.const 0))
  (func $right (result i32)
    (i32.and
      (i32.eq (call $or_zero (ref.func $subtract)) (i32.const 42))
      (i32.eq (call $or_zero (ref.null $binary)) (i32.const 0))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
