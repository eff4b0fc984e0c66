;; Hands a list of 64 MiB to a host function that has to take 4096 bytes: a trap, and no copy of 64
;; MiB on the host's side that outlives the call.
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
  (core module $memory (memory (export "memory") 1025))
  (core instance $memory (instantiate $memory))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $write
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
      (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "get" (func $get (result i32)))
    (import "" "write" (func $write (param i32 i32 i32 i32)))
    (func (export "run") (result i32)
      (call $write (call $get) (i32.const 65536) (i32.const 67108864) (i32.const 16))
      (i32.const 0)))
  (core instance $program
    (instantiate $program
      (with "" (instance (export "get" (func $get)) (export "write" (func $write))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))
