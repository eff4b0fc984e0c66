;; Counts in a global.
(module
  (memory (export "memory") 1)
  (global $g (mut i64) (i64.const 0))
  (func (export "_start")
    (loop $again (global.set $g (i64.add (global.get $g) (i64.const 1))) (br $again))))
