;; Makes files with names of 200 bytes until there is no room, then goes on.
(module
  (import "wasi_snapshot_preview1" "fd_close"
    (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $i i32)
    (memory.fill (i32.const 0) (i32.const 97) (i32.const 200))
    (loop $next
      (i64.store (i32.const 0) (i64.or (i64.const 0x4141414141414141)
        (i64.or (i64.and (i64.extend_i32_u (local.get $i)) (i64.const 0x0f0f0f0f))
          (i64.shl (i64.extend_i32_u (local.get $i)) (i64.const 32)))))
      (i32.store (i32.const 4) (i32.or (i32.const 0x40404040)
        (i32.and (i32.shr_u (local.get $i) (i32.const 4)) (i32.const 0x0f0f0f0f))))
      (if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 200)
            (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 512)))
        (then (drop (call $fd_close (i32.load (i32.const 512))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
