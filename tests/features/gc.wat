;; Structures and arrays that nobody frees: a list of a hundred thousand links made and dropped
;; ten times, a cast, and a small integer as a reference.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ok\n")

  (type $link (sub (struct (field $value i32) (field $next (ref null $link)))))
  (type $wide (sub $link
    (struct (field $value i32) (field $next (ref null $link)) (field $more f64))))
  (type $numbers (array (mut i32)))
  (func $build (param $count i32) (result (ref null $link))
    (local $list (ref null $link))
    (loop $next
      (local.set $list (struct.new $link (local.get $count) (local.get $list)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $list))
  (func $sum (param $list (ref null $link)) (result i64)
    (local $sum i64)
    (block $end
      (loop $next
        (br_if $end (ref.is_null (local.get $list)))
        (local.set $sum
          (i64.add (local.get $sum) (i64.extend_i32_u (struct.get $link $value (local.get $list)))))
        (local.set $list (struct.get $link $next (local.get $list)))
        (br $next)))
    (local.get $sum))
  (func $right (result i32)
    (local $round i32) (local $numbers (ref $numbers)) (local $any (ref null $link))
    (loop $again
      ;; 1 + 2 + … + 100000
      (if (i64.ne (call $sum (call $build (i32.const 100000))) (i64.const 5000050000))
        (then (return (i32.const 0))))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $round) (i32.const 10))))
    (local.set $numbers (array.new $numbers (i32.const 3) (i32.const 5)))
    (array.set $numbers (local.get $numbers) (i32.const 4) (i32.const 9))
    (local.set $any (struct.new $wide (i32.const 1) (ref.null $link) (f64.const 2.5)))
    (i32.and
      (i32.and
        (i32.eq (i32.const 12)
          (i32.add (array.get $numbers (local.get $numbers) (i32.const 0))
            (array.get $numbers (local.get $numbers) (i32.const 4))))
        (i32.eq (i31.get_s (ref.i31 (i32.const -5))) (i32.const -5)))
      (i32.and
        (ref.test (ref $wide) (local.get $any))
        (f64.eq (struct.get $wide $more (ref.cast (ref $wide) (local.get $any)))
          (f64.const 2.5)))))

  (func (export "_start")
    (if (i32.eqz (call $right)) (then (unreachable)))
    ;; One piece: 3 bytes at 8.
    (i32.store (i32.const 16) (i32.const 8))
    (i32.store (i32.const 20) (i32.const 3))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
