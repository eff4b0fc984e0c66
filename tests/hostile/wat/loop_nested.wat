;; A hundred thousand turns inside a hundred thousand, without end.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $i i32) (local $j i32)
    (loop $outer
      (local.set $j (i32.const 100000))
      (loop $inner
        (local.set $j (i32.sub (local.get $j) (i32.const 1)))
        (br_if $inner (local.get $j)))
      (br $outer))))
