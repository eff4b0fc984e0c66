;; The same through a table.
(module
  (memory (export "memory") 1)
  (type $f (func (param i32)))
  (table funcref (elem $a $b))
  (func $a (type $f)
    (return_call_indirect (type $f)
      (local.get 0) (i32.xor (i32.const 1) (i32.and (local.get 0) (i32.const 0)))))
  (func $b (type $f)
    (return_call_indirect (type $f) (i32.add (local.get 0) (i32.const 1)) (i32.const 0)))
  (func (export "_start") (call $a (i32.const 0))))
