;; Makes a file as large as 2^63 - 1, 2^62, 2^40, 2^32 bytes and writes at its end.
(module
  (import "wasi_snapshot_preview1" "fd_seek"
    (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "f")
  (func (export "_start")
    (local $size i64)
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
      (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8)))
    (local.set $size (i64.const -1))
    (loop $next
      (drop (call $fd_filestat_set_size (i32.load (i32.const 8)) (local.get $size)))
      (drop (call $fd_allocate (i32.load (i32.const 8)) (local.get $size) (local.get $size)))
      (drop (call $fd_seek (i32.load (i32.const 8)) (local.get $size) (i32.const 2)
        (i32.const 16)))
      (drop (call $fd_write (i32.load (i32.const 8)) (i32.const 32) (i32.const 1) (i32.const 40)))
      (local.set $size (i64.shr_u (local.get $size) (i64.const 1)))
      (br_if $next (i64.ne (local.get $size) (i64.const 0))))))
