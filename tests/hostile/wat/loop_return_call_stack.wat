;; Tail calls whose argument areas grow and shrink each time.
(module
  (memory (export "memory") 1)
  (func $few (return_call $many
    (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
    (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12)
    (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16) (i64.const 17)))
  (func $many
    (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (return_call $few))
  (func (export "_start") (call $few)))
