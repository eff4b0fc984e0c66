;; memory.fill of no byte, without end.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0))
      (br $again))))
