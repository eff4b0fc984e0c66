;; Exceptions with try_table: thrown three calls deep, caught with their value, and thrown again
;; from a reference.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (tag $failure (param i32))
  (tag $other)
  (func $throw (param $depth i32)
    (if (i32.eqz (local.get $depth)) (then (throw $failure (i32.const 42))))
    (call $throw (i32.sub (local.get $depth) (i32.const 1))))
  ;; Catches, and throws the same exception again.
  (func $again
    (block $caught (result i32 exnref)
      (try_table (catch_ref $failure $caught) (call $throw (i32.const 3)))
      (return))
    (throw_ref))
  (func $right (result i32)
    (block $other
      (block $failure (result i32)
        (try_table (catch $other $other) (catch $failure $failure) (call $again))
        (return (i32.const 0)))
      (return (i32.eq (i32.const 42))))
    (i32.const 0))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
