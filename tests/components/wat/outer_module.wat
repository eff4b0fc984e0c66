;; The program is a core module of the outer component that an inner one takes from there.
(component
  (core module $program
    (func (export "run") (result i32) (i32.const 0)))
  (component $inner
    (alias outer 1 $program (core module $program))
    (core instance $program (instantiate $program))
    (func (export "run") (result (result)) (canon lift (core func $program "run"))))
  (instance $inner (instantiate $inner))
  (instance $exports (export "run" (func $inner "run")))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
