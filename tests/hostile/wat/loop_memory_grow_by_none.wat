;; memory.grow by no page, without end.
(module
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (drop (memory.grow (i32.const 0))) (br $again))))
