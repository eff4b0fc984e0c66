;; Catches an exception with its reference and throws it again, without end.
(module
  (memory (export "memory") 1)
  (tag $t (param i64))
  (func (export "_start")
    (local $e exnref)
    (local.set $e (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (throw $t (i64.const 1)))
      (unreachable)))
    (loop $again
      (local.set $e (block $caught (result exnref)
        (try_table (catch_all_ref $caught) (throw_ref (local.get $e)))
        (unreachable)))
      (br $again))))
