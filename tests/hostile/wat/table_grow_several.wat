;; Eight tables, grown in turn.
(module
  (memory (export "memory") 1)
  (table $t0 1 externref)
  (table $t1 1 externref)
  (table $t2 1 externref)
  (table $t3 1 externref)
  (table $t4 1 externref)
  (table $t5 1 externref)
  (table $t6 1 externref)
  (table $t7 1 externref)
  (func (export "_start")
    (local $refused i32)
    (loop $more
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t0 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t1 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t2 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t3 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t4 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t5 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t6 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (local.set $refused (i32.or (local.get $refused) (i32.eq
        (table.grow $t7 (ref.null extern) (i32.const 1000)) (i32.const -1))))
      (br_if $more (i32.eqz (local.get $refused))))
    (unreachable)))
