;; A name of an export that the server makes for itself.
(module
  (memory (export "memory") 1)
  (export "godwit:memory:0" (memory 0))
  (func (export "_start")))
