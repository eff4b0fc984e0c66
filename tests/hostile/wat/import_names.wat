;; Names with control characters, the end of a string, and text that runs backwards.
(module
  (import "wasi\1b[2J\07\00\n" "\u{202e}exe.gnp\u{9b}31m\u{200b}" (func))
  (import "" "" (func))
  (func (export "_start")))
