;; Its realloc returns an address outside of its memory: a trap, and not a byte written.
(component
  (import "wasi:cli/environment@0.2.0"
    (instance $environment (export "get-arguments" (func (result (list string))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0xfffffff0)))
  (core instance $memory (instantiate $memory))
  (core func $get (canon lower (func $environment "get-arguments")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $program
    (import "" "get" (func $get (param i32)))
    (func (export "run") (result i32) (call $get (i32.const 16)) (i32.const 0)))
  (core instance $program
    (instantiate $program (with "" (instance (export "get" (func $get))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
