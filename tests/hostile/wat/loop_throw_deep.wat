;; Each exception passes a hundred frames before it is caught.
(module
  (memory (export "memory") 1)
  (tag $t)
  (func $down (param $n i32)
    (if (i32.eqz (local.get $n)) (then (throw $t)))
    (call $down (i32.sub (local.get $n) (i32.const 1))))
  (func (export "_start")
    (loop $again
      (block $caught (try_table (catch $t $caught) (call $down (i32.const 100))))
      (br $again))))
