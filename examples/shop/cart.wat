;; SPDX-License-Identifier: Apache-2.0
;;
;; A function in a subfolder: GET /shop/cart. Its folder's own path is served by index.wat.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; One iovec {address 16, length 20}; the number of written bytes goes to address 8.
  (data (i32.const 0) "\10\00\00\00\14\00\00\00")
  (data (i32.const 16) "Your cart is empty.\n")

  (func (export "_start")
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (unreachable)))))
