;; Lists a folder into a buffer of one byte, of none, of 2^32 - 1, without end.
(module
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (drop (call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 1) (i64.const 0)
        (i32.const 65000)))
      (drop (call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 0) (i64.const -1)
        (i32.const 65000)))
      (drop (call $fd_readdir (i32.const 3) (i32.const 0) (i32.const -1) (i64.const 1)
        (i32.const 65000)))
      (br $again))))
