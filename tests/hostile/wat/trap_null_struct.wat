;; Reads a field of nothing.
(module
  (memory (export "memory") 1)
  (type $s (struct (field i64)))
  (func (export "_start") (drop (struct.get $s 0 (ref.null $s)))))
