;; Fills a table of references to garbage-collected objects.
(module
  (memory (export "memory") 1)
  (table $t 10000 anyref)
  (func (export "_start")
    (loop $again
      (table.fill $t (i32.const 0) (ref.i31 (i32.const 7)) (i32.const 10000))
      (br $again))))
