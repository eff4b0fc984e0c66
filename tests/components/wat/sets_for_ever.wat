;; Makes sets of waitables (WASI 0.3) for ever.
(component
  (core func $new (canon waitable-set.new))
  (core module $program
    (import "" "new" (func $new (result i32)))
    (func (export "run") (result i32)
      (loop $again
        (drop (call $new))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "new" (func $new))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
