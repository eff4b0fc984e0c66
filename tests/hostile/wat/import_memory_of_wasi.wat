;; A memory by the name of a host function.
(module
  (import "wasi_snapshot_preview1" "fd_write" (memory 1))
  (func (export "_start")))
