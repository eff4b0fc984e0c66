;; Twenty core instances that each ask for 16 MiB at the start: 320 MiB together, no single one of
;; which is over a limit of 128 MiB.
(component
  (component $ten
    (core module $leaf
      (memory (export "memory") 256)
      (func (export "run") (result i32) (i32.const 0)))
    (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
    (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
    (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
    (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
    (core instance (instantiate $leaf)) (core instance $last (instantiate $leaf))
    (func (export "run") (result (result)) (canon lift (core func $last "run"))))
  (instance (instantiate $ten))
  (instance $last (instantiate $ten))
  (instance $exports (export "run" (func $last "run")))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
