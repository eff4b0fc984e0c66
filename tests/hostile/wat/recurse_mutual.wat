;; Three functions that call each other.
(module
  (memory (export "memory") 1)
  (func $a (result i32) (i32.add (call $b) (i32.const 1)))
  (func $b (result i32) (i32.add (call $c) (i32.const 1)))
  (func $c (result i32) (i32.add (call $a) (i32.const 1)))
  (func (export "_start") (drop (call $a))))
