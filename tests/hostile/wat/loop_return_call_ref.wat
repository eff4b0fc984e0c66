;; The same through a reference.
(module
  (memory (export "memory") 1)
  (type $f (func))
  (elem declare func $a)
  (func $a (type $f) (return_call_ref $f (ref.func $a)))
  (func (export "_start") (call $a)))
