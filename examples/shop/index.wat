;; SPDX-License-Identifier: Apache-2.0
;;
;; `index` serves its folder's own path: this file is GET /shop, its neighbour cart.wat GET /shop/cart.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; One iovec {address 16, length 48}; the number of written bytes goes to address 8.
  (data (i32.const 0) "\10\00\00\00\30\00\00\00")
  (data (i32.const 16) "Welcome to the shop. Your cart is at /shop/cart\n")

  (func (export "_start")
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (unreachable)))))
