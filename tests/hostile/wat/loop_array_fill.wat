;; array.fill of a million elements in a loop.
(module
  (memory (export "memory") 1)
  (type $a (array (mut i64)))
  (func (export "_start")
    (local $x (ref null $a))
    (local.set $x (array.new_default $a (i32.const 1000000)))
    (loop $again
      (array.fill $a (local.get $x) (i32.const 0) (i64.const 7) (i32.const 1000000))
      (br $again))))
