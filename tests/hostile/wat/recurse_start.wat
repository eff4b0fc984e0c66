;; The same in the start function.
(module
  (memory (export "memory") 1)
  (func $down (call $down) (call $down))
  (start $down)
  (func (export "_start")))
