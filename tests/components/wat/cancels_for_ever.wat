;; Begins a read of its own stream (WASI 0.3) and cancels it, then a write, for ever.
(component
  (type $bytes (stream u8))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $new (canon stream.new $bytes))
  (core func $read (canon stream.read $bytes async (memory (core memory $memory "memory"))))
  (core func $cancel_read (canon stream.cancel-read $bytes))
  (core func $write (canon stream.write $bytes async (memory (core memory $memory "memory"))))
  (core func $cancel_write (canon stream.cancel-write $bytes))
  (core module $program
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "cancel_read" (func $cancel_read (param i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "cancel_write" (func $cancel_write (param i32) (result i32)))
    (func (export "run") (result i32)
      (local $ends i64) (local $reader i32) (local $writer i32)
      (local.set $ends (call $new))
      (local.set $reader (i32.wrap_i64 (local.get $ends)))
      (local.set $writer (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (loop $again
        (drop (call $read (local.get $reader) (i32.const 0) (i32.const 9)))
        ;; 2: cancelled, and nothing was read.
        (if (i32.ne (call $cancel_read (local.get $reader)) (i32.const 2)) (then (unreachable)))
        (drop (call $write (local.get $writer) (i32.const 0) (i32.const 9)))
        (if (i32.ne (call $cancel_write (local.get $writer)) (i32.const 2)) (then (unreachable)))
        (br $again))
      (i32.const 0)))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "new" (func $new)) (export "read" (func $read))
        (export "cancel_read" (func $cancel_read)) (export "write" (func $write))
        (export "cancel_write" (func $cancel_write))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
