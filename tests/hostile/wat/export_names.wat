;; The same in exports, and no `_start`.
(module
  (memory (export "memory") 1)
  (func (export "\1b]0;owned\07") (export "\u{202e}trats_") (export "") (export "\n\r\00")))
