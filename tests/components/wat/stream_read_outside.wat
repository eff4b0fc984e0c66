;; Reads 2^28 - 1 bytes from a stream (WASI 0.3): more than its memory has.
(component
  (type $bytes (stream u8))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $new (canon stream.new $bytes))
  (core func $move (canon stream.read $bytes async (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "new" (func $new (result i64)))
    (import "" "move" (func $move (param i32 i32 i32) (result i32)))
    (func (export "run") (result i32)
      (drop (call $move (i32.wrap_i64 (call $new))
        (i32.const 0) (i32.const 0xfffffff)))
      (i32.const 0)))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "new" (func $new)) (export "move" (func $move))))))
  (func $run async (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
