;; Waits for an empty set of waitables (WASI 0.3).
(component
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $new (canon waitable-set.new))
  (core func $wait (canon waitable-set.wait (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "new" (func $new (result i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (func (export "run") (result i32)
      (call $wait (call $new) (i32.const 0))))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "new" (func $new)) (export "wait" (func $wait))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
