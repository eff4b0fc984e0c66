;; Asks for all of 4 GiB at once, then fails because it is refused.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then (unreachable)))))
