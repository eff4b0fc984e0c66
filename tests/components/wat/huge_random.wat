;; Asks for 2^60 random bytes: a host that makes them before it asks the guest for room is dead.
(component
  (import "wasi:random/random@0.2.0"
    (instance $random (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (core func $get (canon lower (func $random "get-random-bytes")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $program
    (import "" "get" (func $get (param i64 i32)))
    (func (export "run") (result i32)
      (call $get (i64.const 0x1000000000000000) (i32.const 16))
      (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "get" (func $get))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
