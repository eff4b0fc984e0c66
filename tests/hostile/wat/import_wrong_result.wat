;; random_get without a result.
(module
  (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
