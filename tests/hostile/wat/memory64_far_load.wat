;; Loads at 2^63 of a 64-bit memory.
(module
  (memory i64 1)
  (func (export "_start")
    (drop (i64.load offset=0xfffffffffffffff0 (i64.const 0x7fffffffffffffff)))))
