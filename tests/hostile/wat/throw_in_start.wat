;; An exception out of the start function.
(module
  (memory (export "memory") 1)
  (tag $t)
  (func $fail (throw $t))
  (start $fail)
  (func (export "_start")))
