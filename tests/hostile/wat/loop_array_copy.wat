;; array.copy of a million elements in a loop.
(module
  (memory (export "memory") 1)
  (type $a (array (mut i64)))
  (func (export "_start")
    (local $x (ref null $a))
    (local.set $x (array.new_default $a (i32.const 1000000)))
    (loop $again
      (array.copy $a $a (local.get $x) (i32.const 0) (local.get $x) (i32.const 1)
        (i32.const 999999))
      (br $again))))
