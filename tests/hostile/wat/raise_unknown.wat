;; proc_raise of signals that do not exist: EINVAL.
(module
  (import "wasi_snapshot_preview1" "proc_raise"
    (func $proc_raise (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (func (export "_start")
    (call $must (i32.const 28) (call $proc_raise (i32.const 31)))
    (call $must (i32.const 28) (call $proc_raise (i32.const -1)))))
