;; Begins an hour's sleep (WASI 0.3) and cancels it, for ever.
(component
  (import "wasi:clocks/monotonic-clock@0.3.0"
    (instance $clock (export "wait-for" (func async (param "how-long" u64)))))
  (core func $sleep (canon lower (func $clock "wait-for") async))
  (core func $cancel (canon subtask.cancel))
  (core func $drop (canon subtask.drop))
  (core module $program
    (import "" "sleep" (func $sleep (param i64) (result i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "run") (result i32)
      (local $call i32)
      (loop $again
        (local.set $call
          (i32.shr_u (call $sleep (i64.const 3600000000000)) (i32.const 4)))
        (drop (call $cancel (local.get $call)))
        (call $drop (local.get $call))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "sleep" (func $sleep)) (export "cancel" (func $cancel))
        (export "drop" (func $drop))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
