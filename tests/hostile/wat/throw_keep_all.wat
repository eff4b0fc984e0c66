;; Keeps a reference to each exception that it throws.
(module
  (memory (export "memory") 1)
  (type $node (struct (field (ref null $node)) (field exnref)))
  (tag $t (param i64 i64))
  (func (export "_start")
    (local $list (ref null $node))
    (local $e exnref)
    (loop $more
      (local.set $e (block $caught (result exnref)
        (try_table (catch_all_ref $caught) (throw $t (i64.const 1) (i64.const 2)))
        (unreachable)))
      (local.set $list (struct.new $node (local.get $list) (local.get $e)))
      (br $more))))
