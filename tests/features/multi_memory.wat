;; Two memories that do not disturb each other, and a copy from one to the other.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (memory $other 2)
  (data (memory $other) (i32.const 500) "seven")
  (func $right (result i32)
    (i32.store8 $other (i32.const 500) (i32.const 0x53))
    (memory.copy 0 $other (i32.const 1024) (i32.const 500) (i32.const 5))
    (i32.and
      (i32.and
        (i32.eq (i32.load8_u (i32.const 500)) (i32.const 0))
        (i32.eq (memory.size $other) (i32.const 2)))
      (i32.eq (i32.load (i32.const 1024)) (i32.const 0x65766553))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
