;; Makes garbage without end: collecting it is the guest's own time.
(module
  (memory (export "memory") 1)
  (type $s (struct (field (mut i64)) (field (mut i64))))
  (func (export "_start")
    (loop $again
      (drop (struct.new $s (i64.const 1) (i64.const 2)))
      (br $again))))
