;; Goes round by br_table.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $i i32)
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (block $out
        (br_table $again $again $out $again (i32.and (local.get $i) (i32.const 1)))))))
