;; Nothing to call.
(module
  (func))
