;; A list of garbage-collected objects that only grows.
(module
  (memory (export "memory") 1)
  (type $node (struct (field (ref null $node)) (field i64 i64 i64 i64)))
  (func (export "_start")
    (local $list (ref null $node))
    (loop $more
      (local.set $list (struct.new $node (local.get $list)
        (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
      (br $more))))
