;; Has its environment copied without end.
(module
  (import "wasi_snapshot_preview1" "environ_get"
    (func $environ_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (drop (call $environ_get (i32.const 0) (i32.const 8192)))
      (br $again))))
