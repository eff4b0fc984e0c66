;; Calls through a table without end.
(module
  (memory (export "memory") 1)
  (table funcref (elem $nothing))
  (func $nothing)
  (func (export "_start") (loop $again (call_indirect (i32.const 0)) (br $again))))
