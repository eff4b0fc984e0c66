;; One array of 2^32 - 1 elements.
(module
  (memory (export "memory") 1)
  (type $a (array (mut i64)))
  (func (export "_start") (drop (array.new_default $a (i32.const -1)))))
