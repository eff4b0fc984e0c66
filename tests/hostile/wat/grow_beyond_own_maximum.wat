;; Meets the maximum of its own module, not a limit of ours.
(module
  (memory (export "memory") 1 2)
  (func (export "_start")
    (if (i32.eq (memory.grow (i32.const 2)) (i32.const -1)) (then (unreachable)))))
