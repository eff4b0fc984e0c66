;; `?ms=N` waits so long, then prints "slept\n". Without ms it does not wait.
;;
;; Memory: 0 count and 4 size of the environment; 16 a subscription (48 bytes), 64 an event;
;; 112 an iovec; 128 the text; 256 the environment.
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get"
    (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 112) "\80\00\00\00\06\00\00\00")
  (data (i32.const 128) "slept\n")

  (func $must_succeed (param $errno i32)
    (if (local.get $errno) (then (unreachable))))

  ;; The decimal number at $text.
  (func $number (param $text i32) (result i64)
    (local $value i64) (local $digit i32)
    (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $text)) (i32.const 48)))
      (if (i32.lt_u (local.get $digit) (i32.const 10))
        (then
          (local.set $value
            (i64.add (i64.mul (local.get $value) (i64.const 10))
                     (i64.extend_i32_u (local.get $digit))))
          (local.set $text (i32.add (local.get $text) (i32.const 1)))
          (br $next))))
    (local.get $value))

  ;; The value of the variable `ms`, or 0.
  (func $milliseconds (result i64)
    (local $at i32) (local $end i32)
    (call $must_succeed (call $environ_sizes_get (i32.const 0) (i32.const 4)))
    (local.set $at (i32.const 256))
    (local.set $end (i32.add (i32.const 256) (i32.shl (i32.load (i32.const 0)) (i32.const 2))))
    (call $must_succeed (call $environ_get (i32.const 256) (local.get $end)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          ;; "ms=" as the low three bytes of a little-endian word.
          (if (i32.eq (i32.and (i32.load align=1 (i32.load (local.get $at)))
                               (i32.const 0xffffff))
                      (i32.const 0x3d736d))
            (then
              (return (call $number (i32.add (i32.load (local.get $at)) (i32.const 3))))))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (br $next))))
    (i64.const 0))

  (func (export "_start")
    (local $ms i64)
    (local.set $ms (call $milliseconds))
    (if (i64.ne (local.get $ms) (i64.const 0))
      (then
        (i32.store (i32.const 32) (i32.const 1))  ;; the monotonic clock
        (i64.store (i32.const 40) (i64.mul (local.get $ms) (i64.const 1000000)))
        (call $must_succeed
          (call $poll_oneoff (i32.const 16) (i32.const 64) (i32.const 1) (i32.const 8)))))
    (call $must_succeed
      (call $fd_write (i32.const 1) (i32.const 112) (i32.const 1) (i32.const 8)))))
