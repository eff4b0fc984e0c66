;; Asks for 2^32 - 1 elements without end.
(module
  (memory (export "memory") 1)
  (table $t 1 funcref)
  (func (export "_start")
    (loop $again
      (drop (table.grow $t (ref.null func) (i32.const -1)))
      (br $again))))
