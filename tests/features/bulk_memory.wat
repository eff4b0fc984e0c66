;; Memory filled, copied onto itself, and initialised from passive data; a table from passive
;; elements.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (data $word "abcd")
  (table 2 funcref)
  (elem $passive func $right)
  (func $right (result i32)
    (memory.fill (i32.const 1024) (i32.const 0x2a) (i32.const 8))
    (memory.init $word (i32.const 1024) (i32.const 0) (i32.const 4))
    (data.drop $word)
    ;; Overlapping: "abcd****" becomes "ababcd**".
    (memory.copy (i32.const 1026) (i32.const 1024) (i32.const 4))
    (table.init $passive (i32.const 0) (i32.const 0) (i32.const 1))
    (table.copy (i32.const 1) (i32.const 0) (i32.const 1))
    (elem.drop $passive)
    (i64.eq (i64.load (i32.const 1024)) (i64.const 0x2a2a646362616261)))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
