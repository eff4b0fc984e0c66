;; 4096 clocks of the year 2262 and beyond (2^63 and more nanoseconds).
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 6)
  (func (export "_start")
    (local $at i32)
    (loop $next
      (i32.store offset=16 (local.get $at) (i32.and (local.get $at) (i32.const 1)))
      (i64.store offset=24 (local.get $at) (i64.const 0x8000000000000000))
      (i64.store offset=32 (local.get $at) (i64.const -1))
      (i32.store offset=40 (local.get $at) (i32.and (local.get $at) (i32.const 1)))
      (local.set $at (i32.add (local.get $at) (i32.const 48)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 196608))))
    (drop (call $poll_oneoff (i32.const 0) (i32.const 196608) (i32.const 4096)
      (i32.const 327680)))))
