;; Calls itself through a reference.
(module
  (memory (export "memory") 1)
  (type $f (func (result i32)))
  (elem declare func $down)
  (func $down (type $f) (i32.add (call_ref $f (ref.func $down)) (i32.const 1)))
  (func (export "_start") (drop (call $down))))
