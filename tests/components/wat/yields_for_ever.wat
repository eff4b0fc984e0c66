;; Yields to its host (WASI 0.3) for ever.
(component
  (core func $yield (canon thread.yield))
  (core module $program
    (import "" "yield" (func $yield (result i32)))
    (func (export "run") (result i32)
      (loop $again
        (drop (call $yield))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "yield" (func $yield))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
