;; Throws and catches without end.
(module
  (memory (export "memory") 1)
  (tag $t)
  (func (export "_start")
    (loop $again
      (block $caught (try_table (catch $t $caught) (throw $t)))
      (br $again))))
