;; A component that exports nothing that can be called: to be refused with what it exports.
(component
  (core module $program (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))
  (core instance $program (instantiate $program))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $program "add"))))
