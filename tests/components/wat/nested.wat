;; The program is in a component in a component; its import is handed down by name, its export up.
(component
  (import "wasi:random/random@0.2.0"
    (instance $random (export "get-random-u64" (func (result u64)))))
  (component $middle
    (import "luck" (func $luck (result u64)))
    (component $inner
      (import "luck" (func $luck (result u64)))
      (core func $luck (canon lower (func $luck)))
      (core module $program
        (import "" "luck" (func $luck (result i64)))
        ;; Twice the same 64 bits would be no luck.
        (func (export "run") (result i32) (i64.eq (call $luck) (call $luck))))
      (core instance $program
        (instantiate $program (with "" (instance (export "luck" (func $luck))))))
      (func (export "run") (result (result)) (canon lift (core func $program "run"))))
    (instance $inner (instantiate $inner (with "luck" (func $luck))))
    (export "run" (func $inner "run")))
  (instance $middle (instantiate $middle (with "luck" (func $random "get-random-u64"))))
  (instance $exports (export "run" (func $middle "run")))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
