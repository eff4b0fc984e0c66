;; Asks for 4 GiB, is refused, asks again.
(module
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (drop (memory.grow (i32.const 65535))) (br $again))))
