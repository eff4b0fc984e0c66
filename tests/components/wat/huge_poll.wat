;; Polls one pollable a million times in one list: a trap or an answer, but no host that stands still.
(component
  (import "wasi:io/poll@0.2.0"
    (instance $poll
      (export "pollable" (type $pollable (sub resource)))
      (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0"
    (instance $clock
      (alias outer 1 $pollable (type $outer))
      (export "pollable" (type $pollable (eq $outer)))
      (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (core module $memory
    (memory (export "memory") 200)
    ;; Everything goes to the upper half.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 6553600)))
  (core instance $memory (instantiate $memory))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $poll (canon lower (func $poll "poll")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $program
    (import "" "memory" (memory 200))
    (import "" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "" "poll" (func $poll (param i32 i32 i32)))
    (func (export "run") (result i32)
      (local $handle i32) (local $at i32)
      (local.set $handle (call $subscribe (i64.const 0)))
      (local.set $at (i32.const 65536))
      (loop $next
        (i32.store (local.get $at) (local.get $handle))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 4065536))))
      (call $poll (i32.const 65536) (i32.const 1000000) (i32.const 16))
      (i32.ne (i32.load (i32.const 20)) (i32.const 1000000))))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "memory" (memory $memory "memory"))
        (export "subscribe" (func $subscribe)) (export "poll" (func $poll))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
