;; An asynchronous run (WASI 0.3) that waits until its own stream is read, which nobody does. The
;; host sees that nothing can wake it, or its time limit ends it.
(component
  (type $bytes (stream u8))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $new (canon stream.new $bytes))
  (core func $write (canon stream.write $bytes async (memory (core memory $memory "memory"))))
  (core func $set (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core module $program
    (import "" "new" (func $new (result i64)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "set" (func $set (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (func (export "run") (result i32)
      (local $writer i32) (local $waiting i32)
      ;; The writable end is the upper half.
      (local.set $writer (i32.wrap_i64 (i64.shr_u (call $new) (i64.const 32))))
      ;; -1: blocked.
      (if (i32.ne (call $write (local.get $writer) (i32.const 0) (i32.const 100)) (i32.const -1))
        (then (unreachable)))
      (local.set $waiting (call $set))
      (call $join (local.get $writer) (local.get $waiting))
      ;; 2: wait for this set.
      (i32.or (i32.const 2) (i32.shl (local.get $waiting) (i32.const 4))))
    (func (export "woken") (param i32 i32 i32) (result i32) (unreachable)))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "new" (func $new)) (export "write" (func $write))
        (export "set" (func $set)) (export "join" (func $join))))))
  (func $run async (result (result))
    (canon lift (core func $program "run") async (callback (func $program "woken"))))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
