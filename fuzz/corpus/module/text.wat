;; comment
(; block (; nested ;) ;)
(module (func (export "_start")))