;; Asks its host to be called again (WASI 0.3), for ever.
(component
  (core module $program
    ;; 1: yield.
    (func (export "run") (result i32) (i32.const 1))
    (func (export "again") (param i32 i32 i32) (result i32) (i32.const 1)))
  (core instance $program (instantiate $program))
  (func $run async (result (result))
    (canon lift (core func $program "run") async (callback (func $program "again"))))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
