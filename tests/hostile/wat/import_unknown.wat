;; A function of preview 1 that there never was.
(module
  (import "wasi_snapshot_preview1" "fd_exec" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
