;; Copies 16 MiB between two memories in a loop.
(module
  (memory (export "memory") 256)
  (memory $other 256)
  (func (export "_start")
    (loop $again
      (memory.copy $other 0 (i32.const 0) (i32.const 0) (i32.const 0x1000000))
      (memory.copy 0 $other (i32.const 0) (i32.const 0) (i32.const 0x1000000))
      (br $again))))
