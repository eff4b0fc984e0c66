;; memory.init of a passive segment, without end.
(module
  (memory (export "memory") 1)
  (data $d "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
  (func (export "_start")
    (loop $again
      (memory.init $d (i32.const 65472) (i32.const 0) (i32.const 64))
      (br $again))))
