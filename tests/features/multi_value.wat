;; A function with two results and a block with parameters.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (func $divide (param i32 i32) (result i32 i32)
    (i32.div_u (local.get 0) (local.get 1))
    (i32.rem_u (local.get 0) (local.get 1)))
  (func $right (result i32)
    ;; 47 = 6 * 7 + 5
    (call $divide (i32.const 47) (i32.const 7))
    (block (param i32 i32) (result i32)
      (i32.eq (i32.const 5))
      (if (param i32) (result i32)
        (then (i32.eq (i32.const 6)))
        (else (drop) (i32.const 0)))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
