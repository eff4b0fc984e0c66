;; random_get of 2 GiB, which it has.
(module
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (if (i32.eq (memory.grow (i32.const 32767)) (i32.const -1)) (then (unreachable)))
    (drop (call $random_get (i32.const 0) (i32.const 0x80000000)))))
