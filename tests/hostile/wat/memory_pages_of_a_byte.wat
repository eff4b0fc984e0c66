;; Memory in pages of one byte each.
(module
  (memory 65537 (pagesize 1))
  (func (export "_start")))
