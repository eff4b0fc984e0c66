;; The asynchronous component model: a stream is made, its reading end is given to the host (WASI
;; 0.3), and an asynchronous write, a wait for it, and the host's future tell that all was printed.
(component
  (import "wasi:cli/types@0.3.0"
    (instance $types
      (type $code (enum "io" "illegal-byte-sequence" "pipe"))
      (export "error-code" (type (eq $code)))))
  (alias export $types "error-code" (type $code))
  (import "wasi:cli/stdout@0.3.0"
    (instance $stdout
      (alias outer 1 $code (type $outer))
      (export "error-code" (type $code (eq $outer)))
      (export "write-via-stream"
        (func (param "data" (stream u8)) (result (future (result (error $code))))))))
  (type $bytes (stream u8))
  (type $end (future (result (error $code))))
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 8) "ok\n"))
  (core instance $memory (instantiate $memory))
  (core func $print (canon lower (func $stdout "write-via-stream")))
  (core func $new (canon stream.new $bytes))
  (core func $write (canon stream.write $bytes async (memory (core memory $memory "memory"))))
  (core func $drop (canon stream.drop-writable $bytes))
  (core func $read (canon future.read $end async (memory (core memory $memory "memory"))))
  (core func $set (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $return (canon task.return (result (result))))
  (core module $program
    (import "" "memory" (memory 1))
    (import "" "print" (func $print (param i32) (result i32)))
    (import "" "new" (func $new (result i64)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "read" (func $read (param i32 i32) (result i32)))
    (import "" "set" (func $set (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "return" (func $return (param i32)))
    (global $set_of_ours (mut i32) (i32.const 0))
    (global $writer (mut i32) (i32.const 0))
    (global $end (mut i32) (i32.const 0))

    ;; Waits for the handle; 2 is "wait for this set", with the set above it.
    (func $wait (param $handle i32) (result i32)
      (call $join (local.get $handle) (global.get $set_of_ours))
      (i32.or (i32.const 2) (i32.shl (global.get $set_of_ours) (i32.const 4))))

    ;; All has been written: 0 is "completed", and 3 is how many, above it.
    (func $written (param $result i32) (result i32)
      (local $read i32)
      (if (i32.ne (local.get $result) (i32.const 0x30)) (then (unreachable)))
      (call $join (global.get $writer) (i32.const 0))
      (call $drop (global.get $writer))
      (local.set $read (call $read (global.get $end) (i32.const 32)))
      (if (i32.eq (local.get $read) (i32.const -1)) (then (return (call $wait (global.get $end)))))
      (call $ended (local.get $read)))

    ;; The host is done; its result is at 32. 0 is "exit".
    (func $ended (param $result i32) (result i32)
      (if (local.get $result) (then (unreachable)))
      (call $return (i32.load8_u (i32.const 32)))
      (i32.const 0))

    (func (export "run") (result i32)
      (local $ends i64) (local $result i32)
      (global.set $set_of_ours (call $set))
      ;; The reading end is the lower half, the writing end the upper.
      (local.set $ends (call $new))
      (global.set $writer (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (global.set $end (call $print (i32.wrap_i64 (local.get $ends))))
      (local.set $result (call $write (global.get $writer) (i32.const 8) (i32.const 3)))
      (if (i32.eq (local.get $result) (i32.const -1))
        (then (return (call $wait (global.get $writer)))))
      (call $written (local.get $result)))

    ;; 3 is "a stream was written", 4 "a future was read".
    (func (export "woken") (param $event i32) (param $handle i32) (param $result i32) (result i32)
      (if (i32.eq (local.get $event) (i32.const 3))
        (then (return (call $written (local.get $result)))))
      (if (i32.ne (local.get $event) (i32.const 4)) (then (unreachable)))
      (call $ended (local.get $result))))
  (core instance $program
    (instantiate $program
      (with "" (instance
        (export "memory" (memory $memory "memory")) (export "print" (func $print))
        (export "new" (func $new)) (export "write" (func $write)) (export "drop" (func $drop))
        (export "read" (func $read)) (export "set" (func $set)) (export "join" (func $join))
        (export "return" (func $return))))))
  (func $run async (result (result))
    (canon lift (core func $program "run") async (callback (func $program "woken"))))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))
