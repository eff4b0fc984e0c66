;; Starts with 65537 pages.
(module
  (memory (export "memory") 65537)
  (func (export "_start")))
