;; The start function spins in host calls.
(module
  (import "wasi_snapshot_preview1" "sched_yield"
    (func $sched_yield (result i32)))
  (memory (export "memory") 1)
  (func $spin (loop $again (drop (call $sched_yield)) (br $again)))
  (start $spin)
  (func (export "_start")))
