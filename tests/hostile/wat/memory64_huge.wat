;; Starts with 2^40 pages of a 64-bit memory.
(module
  (memory i64 0x10000000000)
  (func (export "_start")))
