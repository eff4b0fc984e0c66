;; Descriptors that cannot be: EBADF each.
(module
  (import "wasi_snapshot_preview1" "fd_close"
    (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get"
    (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber"
    (func $fd_renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (func $try (param $fd i32)
    (call $must (i32.const 8) (call $fd_close (local.get $fd)))
    (call $must (i32.const 8)
      (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $must (i32.const 8) (call $fd_renumber (local.get $fd) (i32.const 1)))
    (call $must (i32.const 8) (call $fd_renumber (i32.const 1) (local.get $fd)))
    (call $must (i32.const 8) (call $fd_fdstat_get (local.get $fd) (i32.const 0))))
  (func (export "_start")
    (call $try (i32.const 3))
    (call $try (i32.const 1023))
    (call $try (i32.const 1024))
    (call $try (i32.const 65536))
    (call $try (i32.const 0x7fffffff))
    (call $try (i32.const 0x80000000))
    (call $try (i32.const 0xfffffffe))
    (call $try (i32.const 0xffffffff))))
