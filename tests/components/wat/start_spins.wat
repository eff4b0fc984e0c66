;; Never ends while it is instantiated: a limit has to hold before any export is called.
(component
  (core module $program
    (func $spin (loop $again (br $again)))
    (start $spin)
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $program (instantiate $program))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
