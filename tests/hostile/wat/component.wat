;; A component, empty but for a module with a start function that never ends.
(component
  (core module (func $f (loop $l (br $l))) (start $f)))
