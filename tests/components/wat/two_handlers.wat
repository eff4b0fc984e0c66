;; Exports wasi:http/incoming-handler in two versions of 0.2: 0.2.0 answers 200, 0.2.6 answers 206.
;; (The two are compatible; a host calls one of them, or refuses the component in words.)
(component
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (core module $code0 (global (export "code") i32 (i32.const 200)))
  (core instance $code0 (instantiate $code0))
  (core module $code6 (global (export "code") i32 (i32.const 206)))
  (core instance $code6 (instantiate $code6))
  (core module $program
    (import "" "fields" (func $fields (result i32)))
    (import "" "response" (func $response (param i32) (result i32)))
    (import "" "status" (func $status (param i32 i32) (result i32)))
    (import "" "set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "code" (global $code i32))
    (func (export "handle") (param $request i32) (param $out i32)
      (local $answer i32)
      (call $drop (local.get $request))
      (local.set $answer (call $response (call $fields)))
      (if (call $status (local.get $answer) (global.get $code)) (then (unreachable)))
      ;; Out parameter, case "ok", the response; what is left belongs to the errors.
      (call $set (local.get $out) (i32.const 0) (local.get $answer)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
  (import "wasi:http/types@0.2.0"
    (instance $types0
      (export "fields" (type $fields (sub resource)))
      (export "incoming-request" (type (sub resource)))
      (export "outgoing-response" (type $response (sub resource)))
      (export "response-outparam" (type $outparam (sub resource)))
      (type $dns_ (record (field "rcode" (option string)) (field "info-code" (option u16))))
      (export "DNS-error-payload" (type $dns (eq $dns_)))
      (type $tls_ (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
      (export "TLS-alert-received-payload" (type $tls (eq $tls_)))
      (type $field_
        (record (field "field-name" (option string)) (field "field-size" (option u32))))
      (export "field-size-payload" (type $field (eq $field_)))
      (type $error_ (variant
        (case "DNS-timeout") (case "DNS-error" $dns) (case "destination-not-found")
        (case "destination-unavailable") (case "destination-IP-prohibited")
        (case "destination-IP-unroutable") (case "connection-refused")
        (case "connection-terminated") (case "connection-timeout")
        (case "connection-read-timeout") (case "connection-write-timeout")
        (case "connection-limit-reached") (case "TLS-protocol-error")
        (case "TLS-certificate-error") (case "TLS-alert-received" $tls)
        (case "HTTP-request-denied") (case "HTTP-request-length-required")
        (case "HTTP-request-body-size" (option u64)) (case "HTTP-request-method-invalid")
        (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long")
        (case "HTTP-request-header-section-size" (option u32))
        (case "HTTP-request-header-size" (option $field))
        (case "HTTP-request-trailer-section-size" (option u32))
        (case "HTTP-request-trailer-size" $field) (case "HTTP-response-incomplete")
        (case "HTTP-response-header-section-size" (option u32))
        (case "HTTP-response-header-size" $field) (case "HTTP-response-body-size" (option u64))
        (case "HTTP-response-trailer-section-size" (option u32))
        (case "HTTP-response-trailer-size" $field)
        (case "HTTP-response-transfer-coding" (option string))
        (case "HTTP-response-content-coding" (option string)) (case "HTTP-response-timeout")
        (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected")
        (case "configuration-error") (case "internal-error" (option string))))
      (export "error-code" (type $error (eq $error_)))
      (export "[constructor]fields" (func (result (own $fields))))
      (export "[constructor]outgoing-response"
        (func (param "headers" (own $fields)) (result (own $response))))
      (export "[method]outgoing-response.set-status-code"
        (func (param "self" (borrow $response)) (param "status-code" u16) (result (result))))
      (export "[static]response-outparam.set"
        (func (param "param" (own $outparam))
          (param "response" (result (own $response) (error $error)))))))
  (alias export $types0 "incoming-request" (type $request0))
  (alias export $types0 "response-outparam" (type $outparam0))
  (core func $fields0 (canon lower (func $types0 "[constructor]fields")))
  (core func $response0 (canon lower (func $types0 "[constructor]outgoing-response")))
  (core func $status0
    (canon lower (func $types0 "[method]outgoing-response.set-status-code")))
  (core func $set0 (canon lower (func $types0 "[static]response-outparam.set")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $drop0 (canon resource.drop $request0))
  (core instance $program0
    (instantiate $program
      (with "" (instance
        (export "fields" (func $fields0)) (export "response" (func $response0))
        (export "status" (func $status0)) (export "set" (func $set0))
        (export "drop" (func $drop0)) (export "code" (global $code0 "code"))))))
  (func $handle0
    (param "request" (own $request0)) (param "response-out" (own $outparam0))
    (canon lift (core func $program0 "handle")))
  (import "wasi:http/types@0.2.6"
    (instance $types6
      (export "fields" (type $fields (sub resource)))
      (export "incoming-request" (type (sub resource)))
      (export "outgoing-response" (type $response (sub resource)))
      (export "response-outparam" (type $outparam (sub resource)))
      (type $dns_ (record (field "rcode" (option string)) (field "info-code" (option u16))))
      (export "DNS-error-payload" (type $dns (eq $dns_)))
      (type $tls_ (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
      (export "TLS-alert-received-payload" (type $tls (eq $tls_)))
      (type $field_
        (record (field "field-name" (option string)) (field "field-size" (option u32))))
      (export "field-size-payload" (type $field (eq $field_)))
      (type $error_ (variant
        (case "DNS-timeout") (case "DNS-error" $dns) (case "destination-not-found")
        (case "destination-unavailable") (case "destination-IP-prohibited")
        (case "destination-IP-unroutable") (case "connection-refused")
        (case "connection-terminated") (case "connection-timeout")
        (case "connection-read-timeout") (case "connection-write-timeout")
        (case "connection-limit-reached") (case "TLS-protocol-error")
        (case "TLS-certificate-error") (case "TLS-alert-received" $tls)
        (case "HTTP-request-denied") (case "HTTP-request-length-required")
        (case "HTTP-request-body-size" (option u64)) (case "HTTP-request-method-invalid")
        (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long")
        (case "HTTP-request-header-section-size" (option u32))
        (case "HTTP-request-header-size" (option $field))
        (case "HTTP-request-trailer-section-size" (option u32))
        (case "HTTP-request-trailer-size" $field) (case "HTTP-response-incomplete")
        (case "HTTP-response-header-section-size" (option u32))
        (case "HTTP-response-header-size" $field) (case "HTTP-response-body-size" (option u64))
        (case "HTTP-response-trailer-section-size" (option u32))
        (case "HTTP-response-trailer-size" $field)
        (case "HTTP-response-transfer-coding" (option string))
        (case "HTTP-response-content-coding" (option string)) (case "HTTP-response-timeout")
        (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected")
        (case "configuration-error") (case "internal-error" (option string))))
      (export "error-code" (type $error (eq $error_)))
      (export "[constructor]fields" (func (result (own $fields))))
      (export "[constructor]outgoing-response"
        (func (param "headers" (own $fields)) (result (own $response))))
      (export "[method]outgoing-response.set-status-code"
        (func (param "self" (borrow $response)) (param "status-code" u16) (result (result))))
      (export "[static]response-outparam.set"
        (func (param "param" (own $outparam))
          (param "response" (result (own $response) (error $error)))))))
  (alias export $types6 "incoming-request" (type $request6))
  (alias export $types6 "response-outparam" (type $outparam6))
  (core func $fields6 (canon lower (func $types6 "[constructor]fields")))
  (core func $response6 (canon lower (func $types6 "[constructor]outgoing-response")))
  (core func $status6
    (canon lower (func $types6 "[method]outgoing-response.set-status-code")))
  (core func $set6 (canon lower (func $types6 "[static]response-outparam.set")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $drop6 (canon resource.drop $request6))
  (core instance $program6
    (instantiate $program
      (with "" (instance
        (export "fields" (func $fields6)) (export "response" (func $response6))
        (export "status" (func $status6)) (export "set" (func $set6))
        (export "drop" (func $drop6)) (export "code" (global $code6 "code"))))))
  (func $handle6
    (param "request" (own $request6)) (param "response-out" (own $outparam6))
    (canon lift (core func $program6 "handle")))
  (component $handler0
    (import "request" (type $request (sub resource)))
    (import "outparam" (type $outparam (sub resource)))
    (import "handle" (func $handle
      (param "request" (own $request)) (param "response-out" (own $outparam))))
    (export $request_ "incoming-request" (type $request))
    (export $outparam_ "response-outparam" (type $outparam))
    (export "handle" (func $handle)
      (func (param "request" (own $request_)) (param "response-out" (own $outparam_)))))
  (instance $handler0 (instantiate $handler0
    (with "request" (type $request0)) (with "outparam" (type $outparam0))
    (with "handle" (func $handle0))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler0))
  (component $handler6
    (import "request" (type $request (sub resource)))
    (import "outparam" (type $outparam (sub resource)))
    (import "handle" (func $handle
      (param "request" (own $request)) (param "response-out" (own $outparam))))
    (export $request_ "incoming-request" (type $request))
    (export $outparam_ "response-outparam" (type $outparam))
    (export "handle" (func $handle)
      (func (param "request" (own $request_)) (param "response-out" (own $outparam_)))))
  (instance $handler6 (instantiate $handler6
    (with "request" (type $request6)) (with "outparam" (type $outparam6))
    (with "handle" (func $handle6))))
  (export "wasi:http/incoming-handler@0.2.6" (instance $handler6)))
