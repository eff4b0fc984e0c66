;; table.copy of 99,999 elements onto themselves, one further, in a loop.
(module
  (memory (export "memory") 1)
  (table $t 100000 funcref)
  (func (export "_start")
    (loop $again
      (table.copy (i32.const 1) (i32.const 0) (i32.const 99999))
      (table.copy (i32.const 0) (i32.const 1) (i32.const 99999))
      (br $again))))
