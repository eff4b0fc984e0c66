;; proc_exit five thousand frames deep.
(module
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $down (param i32)
    (if (i32.eqz (local.get 0)) (then (call $proc_exit (i32.const 3))))
    (call $down (i32.sub (local.get 0) (i32.const 1)))
    (drop (i32.const 0)))
  (func (export "_start") (call $down (i32.const 5000))))
