;; Writes a byte into each page of all of its memory, again and again.
(module
  (memory (export "memory") 128)
  (func (export "_start")
    (local $at i32)
    (loop $again
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.and (i32.add (local.get $at) (i32.const 4096)) (i32.const 0x7fffff)))
      (br $again))))
