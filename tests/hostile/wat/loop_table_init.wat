;; table.init of a passive segment, without end.
(module
  (memory (export "memory") 1)
  (table $t 8 funcref)
  (elem $e func $f $f $f $f $f $f $f $f)
  (func $f)
  (func (export "_start")
    (loop $again
      (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 8))
      (br $again))))
