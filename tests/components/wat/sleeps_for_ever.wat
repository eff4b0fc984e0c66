;; Sleeps for no time (WASI 0.3), for ever.
(component
  (import "wasi:clocks/monotonic-clock@0.3.0"
    (instance $clock (export "wait-for" (func async (param "how-long" u64)))))
  (core func $sleep (canon lower (func $clock "wait-for")))
  (core module $program
    (import "" "sleep" (func $sleep (param i64)))
    (func (export "run") (result i32)
      (loop $again
        (call $sleep (i64.const 0))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "sleep" (func $sleep))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
