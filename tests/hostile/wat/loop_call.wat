;; Calls an empty function without end.
(module
  (memory (export "memory") 1)
  (func $nothing)
  (func (export "_start") (loop $again (call $nothing) (br $again))))
