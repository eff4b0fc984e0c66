;; table.fill of 100,000 elements in a loop.
(module
  (memory (export "memory") 1)
  (table $t 100000 funcref)
  (elem declare func $f)
  (func $f)
  (func (export "_start")
    (loop $again
      (table.fill $t (i32.const 0) (ref.func $f) (i32.const 100000))
      (br $again))))
