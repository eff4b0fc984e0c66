;; WASI's pointers have 32 bits; the memory that they point into has 64.
(module
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") i64 1)
  (func (export "_start")
    (if (call $random_get (i32.const 65530) (i32.const 6)) (then (unreachable)))
    (if (i32.ne (call $random_get (i32.const 65531) (i32.const 6)) (i32.const 21))
      (then (unreachable)))
    (if (i32.ne (call $random_get (i32.const -1) (i32.const -1)) (i32.const 21))
      (then (unreachable)))))
