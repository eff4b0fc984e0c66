;; Imports what no host provides: to be refused by name when it is loaded.
(component
  (import "acme:thing/api@1.0.0" (instance $api (export "do-it" (func (result u32)))))
  (core func $do_it (canon lower (func $api "do-it")))
  (core module $program
    (import "api" "do-it" (func $do_it (result i32)))
    (func (export "run") (result i32) (drop (call $do_it)) (i32.const 0)))
  (core instance $program
    (instantiate $program (with "api" (instance (export "do-it" (func $do_it))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
