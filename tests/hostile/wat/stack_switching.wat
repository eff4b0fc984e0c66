;; Continuations.
(module
  (memory (export "memory") 1)
  (type $f (func))
  (type $c (cont $f))
  (elem declare func $g)
  (func $g)
  (func (export "_start") (drop (cont.new $c (ref.func $g)))))
