;; Makes resources of its own for ever: no host function is called, but the host keeps the table.
(component
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core module $program
    (import "" "new" (func $new (param i32) (result i32)))
    (func (export "run") (result i32)
      (loop $again
        (drop (call $new (i32.const 7)))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "new" (func $new))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
