;; Polls 4096 clocks whose time has come, without end.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 6)
  (func (export "_start")
    (loop $again
      (drop (call $poll_oneoff (i32.const 0) (i32.const 196608) (i32.const 4096)
              (i32.const 327680)))
      (br $again))))
