;; Text that does not parse.
(module (func (export "_start") (i32.const 99999999999999999999)) 
