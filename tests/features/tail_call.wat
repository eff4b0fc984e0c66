;; A million calls in the room of one, directly and through a table.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (type $step (func (param i32 i32) (result i32)))
  (table funcref (elem $odd))
  (func $even (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $step)
      (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 1)) (i32.const 0)))
  (func $odd (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $even
      (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 1))))
  (func $right (result i32)
    (i32.eq (call $even (i32.const 1000000) (i32.const 0)) (i32.const 1000000)))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
