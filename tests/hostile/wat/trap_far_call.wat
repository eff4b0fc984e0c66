;; Calls place 2^32 - 1 of a table.
(module
  (memory (export "memory") 1)
  (table 10 funcref)
  (func (export "_start") (call_indirect (i32.const -1))))
