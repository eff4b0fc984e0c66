;; Imports a known interface with a function that it does not have.
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-luck" (func (result u64)))))
  (core func $get_luck (canon lower (func $random "get-luck")))
  (core module $program
    (import "random" "get-luck" (func $get_luck (result i64)))
    (func (export "run") (result i32) (drop (call $get_luck)) (i32.const 0)))
  (core instance $program
    (instantiate $program (with "random" (instance (export "get-luck" (func $get_luck))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
