;; random_get of 2 GiB, which it has not: EFAULT.
(module
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (func (export "_start")
    (call $must (i32.const 21) (call $random_get (i32.const 0) (i32.const 0x80000000)))
    (call $must (i32.const 21) (call $random_get (i32.const -1) (i32.const -1)))
    (call $must (i32.const 21) (call $random_get (i32.const 65535) (i32.const 2)))
    (call $must (i32.const 0) (call $random_get (i32.const 65536) (i32.const 0)))))
