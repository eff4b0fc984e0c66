;; Asks for back-pressure (WASI 0.3) for ever: a counter of 16 bits overflows.
(component
  (core func $more (canon backpressure.inc))
  (core module $program
    (import "" "more" (func $more))
    (func (export "run") (result i32)
      (loop $again
        (call $more)
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "more" (func $more))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
