;; A table with 64-bit indices is asked for 2^63 elements.
(module
  (memory (export "memory") 1)
  (table $t i64 1 funcref)
  (func (export "_start")
    (if (i64.eq (table.grow $t (ref.null func) (i64.const 0x7fffffffffffffff)) (i64.const -1))
      (then (unreachable)))))
