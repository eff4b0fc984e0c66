;; A memory whose pages are single bytes. (It is the only memory: a host has to write to it.)
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1000 2000 (pagesize 1))
  (data (i32.const 8) "ok\n")

  (func $right (result i32)
    (i32.and
      (i32.eq (memory.grow (i32.const 100)) (i32.const 1000))
      (i32.eq (memory.size) (i32.const 1100))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
