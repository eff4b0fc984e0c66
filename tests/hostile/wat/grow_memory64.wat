;; A 64-bit memory is asked for 2^48 pages less one, then page by page.
(module
  (memory i64 1)
  (func (export "_start")
    (if (i64.ne (memory.grow (i64.const 0xffffffffffff)) (i64.const -1)) (then (return)))
    (loop $more
      (br_if $more (i64.ne (memory.grow (i64.const 1)) (i64.const -1))))
    (unreachable)))
