;; A stack overflow is no exception: a handler at every level catches nothing.
(module
  (memory (export "memory") 1)
  (func $down (result i32)
    (block $caught (try_table (catch_all $caught) (drop (call $down))))
    (i32.const 0))
  (func (export "_start") (drop (call $down))))
