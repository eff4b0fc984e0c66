;; A folder in a folder in a folder, without end, by a path that grows.
(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $size i32)
    (local.set $size (i32.const 1))
    (loop $fill
      (i32.store8 (i32.sub (local.get $size) (i32.const 1)) (i32.const 97))
      (i32.store8 (local.get $size) (i32.const 47))
      (drop (call $path_create_directory (i32.const 3) (i32.const 0) (local.get $size)))
      (local.set $size (i32.add (local.get $size) (i32.const 2)))
      (br_if $fill (i32.lt_u (local.get $size) (i32.const 60000))))
    (loop $again
      (drop (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 60000)
        (i32.const 65000)))
      (br $again))))
