;; A thousand core instances, each with a memory and a table, out of a few lines: ten times ten times
;; ten. Only a limit on what a component instantiates stops it; its bytes say little.
(component
  (component $hundred
    (component $ten
      (core module $leaf
        (memory (export "memory") 1)
        (table (export "table") 1 funcref)
        (func (export "run") (result i32) (i32.const 0)))
      (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
      (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
      (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
      (core instance (instantiate $leaf)) (core instance (instantiate $leaf))
      (core instance (instantiate $leaf)) (core instance $last (instantiate $leaf))
      (func (export "run") (result (result)) (canon lift (core func $last "run"))))
    (instance (instantiate $ten)) (instance (instantiate $ten)) (instance (instantiate $ten))
    (instance (instantiate $ten)) (instance (instantiate $ten)) (instance (instantiate $ten))
    (instance (instantiate $ten)) (instance (instantiate $ten)) (instance (instantiate $ten))
    (instance $last (instantiate $ten))
    (export "run" (func $last "run")))
  (instance (instantiate $hundred)) (instance (instantiate $hundred))
  (instance (instantiate $hundred)) (instance (instantiate $hundred))
  (instance (instantiate $hundred)) (instance (instantiate $hundred))
  (instance (instantiate $hundred)) (instance (instantiate $hundred))
  (instance (instantiate $hundred)) (instance $last (instantiate $hundred))
  (instance $exports (export "run" (func $last "run")))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
