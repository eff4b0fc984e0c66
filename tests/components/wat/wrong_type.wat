;; Imports a known function with another type than it has.
(component
  (import "wasi:random/random@0.2.0"
    (instance $random (export "get-random-u64" (func (param "seed" u32) (result u64)))))
  (core func $get (canon lower (func $random "get-random-u64")))
  (core module $program
    (import "random" "get" (func $get (param i32) (result i64)))
    (func (export "run") (result i32) (drop (call $get (i32.const 0))) (i32.const 0)))
  (core instance $program
    (instantiate $program (with "random" (instance (export "get" (func $get))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
