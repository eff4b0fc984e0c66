;; run returns, and what the canonical ABI calls after it never does.
(component
  (core module $program
    (func (export "run") (result i32) (i32.const 0))
    (func (export "after") (param i32) (loop $again (br $again))))
  (core instance $program (instantiate $program))
  (func $run (result (result))
    (canon lift (core func $program "run") (post-return (func $program "after"))))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
