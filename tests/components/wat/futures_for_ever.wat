;; Makes futures (WASI 0.3) for ever; nobody reads or writes them.
(component
  (type $value (future u8))
  (core func $new (canon future.new $value))
  (core module $program
    (import "" "new" (func $new (result i64)))
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
