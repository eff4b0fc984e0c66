;; A memory that several threads could share, and operations on it that cannot be interrupted.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (memory $shared 1 1 shared)
  (func $right (result i32)
    (drop (i32.atomic.rmw.add $shared (i32.const 0) (i32.const 40)))
    (drop (i32.atomic.rmw.add $shared (i32.const 0) (i32.const 2)))
    (atomic.fence)
    (i32.and
      (i32.eq (i32.atomic.rmw.cmpxchg $shared (i32.const 0) (i32.const 42) (i32.const 7))
        (i32.const 42))
      (i32.eq (i32.atomic.load $shared (i32.const 0)) (i32.const 7))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
