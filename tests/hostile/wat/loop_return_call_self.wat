;; A function that becomes itself with other arguments each time.
(module
  (memory (export "memory") 1)
  (func $a (param i64 i32) (return_call $a (i64.add (local.get 0) (i64.const 1)) (local.get 1)))
  (func (export "_start") (call $a (i64.const 0) (i32.const 1))))
