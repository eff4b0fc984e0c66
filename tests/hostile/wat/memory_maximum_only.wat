;; A maximum of 4 GiB costs nothing.
(module
  (memory (export "memory") 1 65536)
  (func (export "_start")))
