;; Polls an empty set of waitables (WASI 0.3) for ever.
(component
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $new (canon waitable-set.new))
  (core func $poll (canon waitable-set.poll (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "new" (func $new (result i32)))
    (import "" "poll" (func $poll (param i32 i32) (result i32)))
    (func (export "run") (result i32)
      (local $set i32)
      (local.set $set (call $new))
      (loop $again
        (drop (call $poll (local.get $set) (i32.const 0)))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "new" (func $new)) (export "poll" (func $poll))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
