;; 2^32 - 1 buffers, and numbers whose product wraps round.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (func (export "_start")
    (call $must (i32.const 28)
      (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 8)))
    (call $must (i32.const 28)
      (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0x20000000) (i32.const 8)))
    (call $must (i32.const 28)
      (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0x80000001) (i32.const 8)))
    (call $must (i32.const 28)
      (call $fd_read (i32.const 0) (i32.const 0) (i32.const 0x20000001) (i32.const 8)))))
