;; Two core instances grow their memories in turn, 1 MiB at a time, until both are refused; run
;; succeeds if that happens before 256 MiB. A limit of 128 MiB counts both.
(component
  (core module $other
    (memory (export "memory") 1)
    (func (export "grow") (result i32) (memory.grow (i32.const 16))))
  (core module $program
    (import "other" "grow" (func $grow_other (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (local $steps i32)
      (loop $again
        (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
        (if (i32.gt_u (local.get $steps) (i32.const 128)) (then (return (i32.const 1))))
        (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
        (br_if $again (i32.ne (call $grow_other) (i32.const -1))))
      (i32.const 0)))
  (core instance $other (instantiate $other))
  (core instance $program (instantiate $program (with "other" (instance $other))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
