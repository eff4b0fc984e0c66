;; Each of 1024 buffers is 2^32 - 1 bytes long: the sum wraps round too.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 8192))
    (if (i32.eqz (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 8192)))
      (then (unreachable)))
    (if (i32.eqz (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 8192)))
      (then (unreachable)))))
