;; The list, and a buffer, end where the memory ends; then a byte further.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (func (export "_start")
    (i32.store (i32.const 65528) (i32.const 65535))
    (i32.store (i32.const 65532) (i32.const 1))
    (call $must (i32.const 0)
      (call $fd_write (i32.const 2) (i32.const 65528) (i32.const 1) (i32.const 0)))
    (call $must (i32.const 21)
      (call $fd_write (i32.const 2) (i32.const 65529) (i32.const 1) (i32.const 0)))
    (call $must (i32.const 21)
      (call $fd_write (i32.const 2) (i32.const 65528) (i32.const 2) (i32.const 0)))
    (i32.store (i32.const 65532) (i32.const 2))
    (call $must (i32.const 21)
      (call $fd_write (i32.const 2) (i32.const 65528) (i32.const 1) (i32.const 0)))
    (call $must (i32.const 21)
      (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 65533)))))
