;; Exceptions as they were before they were standardised (try, catch, rethrow).
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (tag $failure (param i32))
  (func $right (result i32)
    ;; Not folded, for parsers that know no other form of it.
    try (result i32)
      i32.const 42
      throw $failure
    catch $failure
      i32.const 42
      i32.eq
    catch_all
      i32.const 0
    end)

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
