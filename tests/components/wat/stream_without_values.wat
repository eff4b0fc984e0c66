;; Moves 2^28 - 1 values of no size through its own stream (WASI 0.3) at once, for ever.
(component
  (type $values (stream))
  (core func $new (canon stream.new $values))
  (core func $read (canon stream.read $values async))
  (core func $write (canon stream.write $values async))
  (core func $cancel (canon stream.cancel-read $values))
  (core module $program
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (func (export "run") (result i32)
      (local $ends i64) (local $reader i32) (local $writer i32)
      (local.set $ends (call $new))
      (local.set $reader (i32.wrap_i64 (local.get $ends)))
      (local.set $writer (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (loop $again
        (drop (call $read (local.get $reader) (i32.const 64) (i32.const 0xfffffff)))
        (drop (call $write (local.get $writer) (i32.const 0) (i32.const 0xfffffff)))
        (drop (call $cancel (local.get $reader)))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "new" (func $new)) (export "read" (func $read)) (export "write" (func $write))
        (export "cancel" (func $cancel))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
