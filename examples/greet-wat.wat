;; SPDX-License-Identifier: Apache-2.0
;;
;; The greeting, by hand: `GET /greet-wat?name=Ada` answers "Hello, Ada!", without a name (or with
;; an empty one) "Hello, World!". It needs four things of WASI preview 1 and nothing else, so it is
;; also what the benchmarks run: one page of memory, one environment lookup, one write.
;;
;; Memory (offsets in bytes):
;;     0  number of environment variables, written by environ_sizes_get
;;     4  their total size, including every terminating NUL
;;     8  number of bytes that fd_write took
;;    16  three iovecs of {address, length}: "Hello, ", the name, "!\n"
;;    48  the texts
;;    64  environ: one pointer for each variable, followed by the strings they point to
;; The environment is as large as the host says; memory grows when a page does not hold it.
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes_get (param $count i32) (param $size i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get"
    (func $environ_get (param $pointers i32) (param $strings i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovecs i32) (param $count i32) (param $written i32)
      (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 48) "Hello, World!\n")

  ;; There is nobody to tell about a failing host but the host: a trap is a failed request.
  (func $must_succeed (param $errno i32)
    (if (local.get $errno) (then (unreachable))))

  ;; Makes sure that memory reaches up to $end. 64 bits, because count * 4 + size may exceed 32.
  (func $reserve (param $end i64)
    (local $missing i64)
    (local.set $missing
      (i64.sub (local.get $end) (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
    (if (i64.le_s (local.get $missing) (i64.const 0)) (then (return)))
    ;; No memory holds 4 GiB, and a larger number of pages would not fit the operand.
    (if (i64.gt_u (local.get $end) (i64.const 0xffffffff)) (then (unreachable)))
    (if (i32.eq
          (memory.grow
            (i32.wrap_i64
              (i64.shr_u (i64.add (local.get $missing) (i64.const 0xffff)) (i64.const 16))))
          (i32.const -1))
      (then (unreachable))))

  ;; The address of the value of the variable `name`, or 0 if there is no such variable.
  (func $find_name (result i32)
    (local $pointer i32) (local $strings i32) (local $entry i32)
    (call $must_succeed (call $environ_sizes_get (i32.const 0) (i32.const 4)))
    ;; Some hosts call it an error to ask for an empty environment.
    (if (i32.eqz (i32.load (i32.const 0))) (then (return (i32.const 0))))
    (local.set $strings
      (i32.add (i32.const 64) (i32.shl (i32.load (i32.const 0)) (i32.const 2))))
    ;; 8 bytes of slack: the comparison below may look past the end of a last, short string, and
    ;; a search for a NUL ends in them, should the host have written none.
    (call $reserve
      (i64.add
        (i64.add
          (i64.shl (i64.extend_i32_u (i32.load (i32.const 0))) (i64.const 2))
          (i64.extend_i32_u (i32.load (i32.const 4))))
        (i64.const 72)))
    (call $must_succeed (call $environ_get (i32.const 64) (local.get $strings)))

    (local.set $pointer (i32.const 64))
    (block $not_found
      (loop $next
        (br_if $not_found (i32.ge_u (local.get $pointer) (local.get $strings)))
        (local.set $entry (i32.load (local.get $pointer)))
        (local.set $pointer (i32.add (local.get $pointer) (i32.const 4)))
        ;; "name" read as a little-endian word, then '='.
        (br_if $next (i32.ne (i32.load align=1 (local.get $entry)) (i32.const 0x656d616e)))
        (br_if $next (i32.ne (i32.load8_u offset=4 (local.get $entry)) (i32.const 0x3d)))
        (return (i32.add (local.get $entry) (i32.const 5)))))
    (i32.const 0))

  (func $string_length (param $string i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $string))
    (loop $next
      (if (i32.load8_u (local.get $end))
        (then
          (local.set $end (i32.add (local.get $end) (i32.const 1)))
          (br $next))))
    (i32.sub (local.get $end) (local.get $string)))

  ;; Writes all iovecs. A host takes everything in one call unless the greeting is larger than its
  ;; buffer; then it tells how much it took, and the rest is for the next call.
  (func $write_all (param $iovec i32) (param $count i32)
    (local $written i32) (local $length i32)
    (loop $write
      (call $must_succeed
        (call $fd_write (i32.const 1) (local.get $iovec) (local.get $count) (i32.const 8)))
      (local.set $written (i32.load (i32.const 8)))
      ;; Nothing taken and no error either: trap, instead of asking for ever.
      (if (i32.eqz (local.get $written)) (then (unreachable)))
      (loop $skip
        (local.set $length (i32.load offset=4 (local.get $iovec)))
        (if (i32.lt_u (local.get $written) (local.get $length))
          (then
            (i32.store (local.get $iovec)
              (i32.add (i32.load (local.get $iovec)) (local.get $written)))
            (i32.store offset=4 (local.get $iovec)
              (i32.sub (local.get $length) (local.get $written)))
            (br $write)))
        (local.set $written (i32.sub (local.get $written) (local.get $length)))
        (local.set $iovec (i32.add (local.get $iovec) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $skip (local.get $count)))))

  (func (export "_start")
    (local $name i32) (local $length i32)
    (local.set $name (call $find_name))
    (if (local.get $name)
      (then (local.set $length (call $string_length (local.get $name)))))
    (if (i32.eqz (local.get $length))
      (then
        (local.set $name (i32.const 55)) ;; "World"
        (local.set $length (i32.const 5))))

    (i32.store (i32.const 16) (i32.const 48)) ;; "Hello, "
    (i32.store (i32.const 20) (i32.const 7))
    (i32.store (i32.const 24) (local.get $name))
    (i32.store (i32.const 28) (local.get $length))
    (i32.store (i32.const 32) (i32.const 60)) ;; "!\n"
    (i32.store (i32.const 36) (i32.const 2))
    (call $write_all (i32.const 16) (i32.const 3))))
