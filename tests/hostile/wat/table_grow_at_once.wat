;; Asks for 2^32 - 2 elements more.
(module
  (memory (export "memory") 1)
  (table $t 1 funcref)
  (func (export "_start")
    (if (i32.eq (table.grow $t (ref.null func) (i32.const -2)) (i32.const -1))
      (then (unreachable)))))
