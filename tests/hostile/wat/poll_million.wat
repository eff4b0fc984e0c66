;; A million subscriptions, all in memory: EINVAL.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 740)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (func (export "_start")
    (call $must (i32.const 28)
      (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1000000) (i32.const 8)))))
