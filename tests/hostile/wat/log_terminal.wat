;; Writes to its log what would take a terminal over, and a line that looks like another's.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\5e\00\00\00")
  (data (i32.const 16) "\1b]0;owned\07\1b[2J\u{202e}gnp.exe\u{9b}31m\00\08\08\n")
  (data (i32.const 62) "{\"level\":\"error\",\"part\":\"serve\"}\r2026 error serve\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))
