;; A continuation that hands out three numbers, one each time that it is resumed.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (type $task (func))
  (type $continuation (cont $task))
  (tag $yield (param i32))
  (elem declare func $count)
  (func $count
    (suspend $yield (i32.const 10))
    (suspend $yield (i32.const 12))
    (suspend $yield (i32.const 20)))
  (func $right (result i32)
    (local $k (ref null $continuation)) (local $sum i32)
    (local.set $k (cont.new $continuation (ref.func $count)))
    (loop $next
      (block $yielded (result i32 (ref $continuation))
        (resume $continuation (on $yield $yielded) (local.get $k))
        ;; It has returned.
        (return (i32.eq (local.get $sum) (i32.const 42))))
      (local.set $k)
      (local.set $sum (i32.add (local.get $sum)))
      (br $next))
    (unreachable))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
