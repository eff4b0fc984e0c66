;; One array of a gibibyte.
(module
  (memory (export "memory") 1)
  (type $a (array (mut i8)))
  (func (export "_start") (drop (array.new_default $a (i32.const 0x40000000)))))
