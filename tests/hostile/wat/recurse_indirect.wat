;; Calls itself through a table.
(module
  (memory (export "memory") 1)
  (table funcref (elem $down))
  (func $down (param i32) (result i32)
    (i32.add (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)) (i32.const 1)))
  (func (export "_start") (drop (call $down (i32.const 0)))))
