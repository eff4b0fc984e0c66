;; The state machine that a compiler makes of two loops that jump into each other.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $state i32)
    (loop $dispatch
      (block $b (block $a
        (br_table $a $b (local.get $state)))
        (local.set $state (i32.const 1))
        (br $dispatch))
      (local.set $state (i32.const 0))
      (br $dispatch))))
