;; A component of two: one hands a string to the other, which shares no memory with it; WASI 0.2 for
;; the output.
(component
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error))
  (import "wasi:io/streams@0.2.0"
    (instance $streams
      (export "output-stream" (type $output (sub resource)))
      (alias outer 1 $error (type $outer))
      (export "error" (type $error (eq $outer)))
      (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
      (export "stream-error" (type $stream_error (eq $failure)))
      (export "[method]output-stream.blocking-write-and-flush"
        (func (param "self" (borrow $output)) (param "contents" (list u8))
          (result (result (error $stream_error)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdout@0.2.0"
    (instance $stdout
      (alias outer 1 $output (type $outer))
      (export "output-stream" (type $output (eq $outer)))
      (export "get-stdout" (func (result (own $output))))))

  ;; Says what is to be printed if it is asked for the right number.
  (component $words
    (core module $words
      (memory (export "memory") 1)
      (data (i32.const 100) "ok\n")
      ;; A string is an address and a length, here at 200.
      (func (export "word") (param i32) (result i32)
        (i32.store (i32.const 200) (i32.const 100))
        (i32.store (i32.const 204) (i32.mul (i32.const 3) (i32.eq (local.get 0) (i32.const 42))))
        (i32.const 200)))
    (core instance $words (instantiate $words))
    (func (export "word") (param "number" u32) (result string)
      (canon lift (core func $words "word") (memory (core memory $words "memory")))))
  (instance $words (instantiate $words))

  ;; A component may not call its own parts, only their neighbours: so this is one as well.
  (component $program
    (import "word" (func $word (param "number" u32) (result string)))
    (import "output" (type $output (sub resource)))
    (import "error" (type $error (sub resource)))
    (type $cases (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (import "failure" (type $failure (eq $cases)))
    (import "get" (func $get (result (own $output))))
    (import "write" (func $write
      (param "self" (borrow $output)) (param "contents" (list u8))
      (result (result (error $failure)))))
    (core module $memory
      (memory (export "memory") 1)
      ;; The word comes to 1024.
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $memory (instantiate $memory))
    (core func $word (canon lower (func $word)
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core func $get (canon lower (func $get)))
    (core func $drop (canon resource.drop $output))
    (core func $write (canon lower (func $write) (memory (core memory $memory "memory"))))
    (core module $main
      (import "" "memory" (memory 1))
      (import "" "word" (func $word (param i32 i32)))
      (import "" "get" (func $get (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "write" (func $write (param i32 i32 i32 i32)))
      (func (export "run") (result i32)
        (local $stdout i32)
        (call $word (i32.const 42) (i32.const 16))
        (local.set $stdout (call $get))
        ;; Its result goes to 32: a byte that is 0 if all is well.
        (call $write (local.get $stdout)
          (i32.load (i32.const 16)) (i32.load (i32.const 20)) (i32.const 32))
        (call $drop (local.get $stdout))
        (i32.load8_u (i32.const 32))))
    (core instance $main
      (instantiate $main
        (with "" (instance
          (export "memory" (memory $memory "memory")) (export "word" (func $word))
          (export "get" (func $get)) (export "drop" (func $drop))
          (export "write" (func $write))))))
    (func (export "run") (result (result)) (canon lift (core func $main "run"))))
  (instance $program
    (instantiate $program
      (with "word" (func $words "word")) (with "output" (type $output))
      (with "error" (type $error)) (with "failure" (type $streams "stream-error"))
      (with "get" (func $stdout "get-stdout"))
      (with "write" (func $streams "[method]output-stream.blocking-write-and-flush"))))
  (instance $exports (export "run" (func $program "run")))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
