;; Each pointer in turn lies one byte too far: EFAULT.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $must (param $expected i32) (param $errno i32)
    (if (i32.ne (local.get $expected) (local.get $errno)) (then (unreachable))))

  (data (i32.const 16) "\01")
  (func (export "_start")
    (call $must (i32.const 21)
      (call $poll_oneoff (i32.const 65489) (i32.const 64) (i32.const 1) (i32.const 128)))
    (call $must (i32.const 21)
      (call $poll_oneoff (i32.const 0) (i32.const 65505) (i32.const 1) (i32.const 128)))
    (call $must (i32.const 21)
      (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 65533)))
    (call $must (i32.const 21)
      (call $poll_oneoff (i32.const -48) (i32.const -32) (i32.const 2) (i32.const -4)))))
