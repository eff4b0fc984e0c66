;; Spins in vector instructions.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $v v128)
    (loop $again
      (local.set $v (i64x2.mul (i64x2.add (local.get $v) (v128.const i64x2 3 5)) (local.get $v)))
      (br $again))))
