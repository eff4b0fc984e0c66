;; Each level sleeps a nanosecond: suspended at every depth.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\01\00\00\00\00\00\00\00\01")
  (func $down (param i64 i64 i64 i64) (result i64)
    (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
    (i64.add (local.get 0)
      (call $down (local.get 1) (local.get 2) (local.get 3) (i64.load (i32.const 64)))))
  (func (export "_start")
    (drop (call $down (i64.const 0) (i64.const 1) (i64.const 2) (i64.const 3)))))
