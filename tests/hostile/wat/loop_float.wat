;; Divides numbers near zero, which some processors do slowly.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $x f64)
    (loop $again
      (local.set $x (f64.div (f64.const 0x1p-1060) (f64.add (local.get $x) (f64.const 3))))
      (br $again))))
