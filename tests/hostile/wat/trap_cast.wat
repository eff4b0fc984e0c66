;; Casts a number to a struct.
(module
  (memory (export "memory") 1)
  (type $s (struct (field i64)))
  (func (export "_start") (drop (ref.cast (ref $s) (ref.i31 (i32.const 1))))))
