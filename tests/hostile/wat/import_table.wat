;; A table of the host.
(module
  (import "env" "__indirect_function_table" (table 10 funcref))
  (memory (export "memory") 1)
  (func (export "_start")))
