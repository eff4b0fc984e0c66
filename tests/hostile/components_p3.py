"""Hostile components of WASI 0.3, as text: handlers of wasi:http, and what has many parts.

    CONCURRENT["handler_fine"]()  →  the bytes of a .wat

Handlers share a long head (the types of wasi:http); each adds the two functions that a host calls:
`handle`, and `woken` when what it waits for has come.
"""

# Cases of error-code, with their payloads.
ERRORS = """
    DNS-timeout DNS-error:$dns destination-not-found destination-unavailable
    destination-IP-prohibited destination-IP-unroutable connection-refused connection-terminated
    connection-timeout connection-read-timeout connection-write-timeout connection-limit-reached
    TLS-protocol-error TLS-certificate-error TLS-alert-received:$tls HTTP-request-denied
    HTTP-request-length-required HTTP-request-body-size:u64? HTTP-request-method-invalid
    HTTP-request-URI-invalid HTTP-request-URI-too-long HTTP-request-header-section-size:u32?
    HTTP-request-header-size:$field? HTTP-request-trailer-section-size:u32?
    HTTP-request-trailer-size:$field HTTP-response-incomplete
    HTTP-response-header-section-size:u32? HTTP-response-header-size:$field
    HTTP-response-body-size:u64? HTTP-response-trailer-section-size:u32?
    HTTP-response-trailer-size:$field HTTP-response-transfer-coding:string?
    HTTP-response-content-coding:string? HTTP-response-timeout HTTP-upgrade-failed
    HTTP-protocol-error loop-detected configuration-error internal-error:string?"""

HEAD = """
  (import "wasi:http/types@0.3.0" (instance $types
    (export "fields" (type $fields (sub resource)))
    (export "request" (type $request (sub resource)))
    (export "response" (type $response (sub resource)))
    (export "request-options" (type $options (sub resource)))
    (type $dns_ (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $dns (eq $dns_)))
    (type $tls_ (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $tls (eq $tls_)))
    (type $field_
      (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $field (eq $field_)))
    (type $error_ (variant ERRORS))
    (export "error-code" (type $error (eq $error_)))
    (type $trailers (future (result (option (own $fields)) (error $error))))
    (type $sent (future (result (error $error))))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[static]request.new" (func (param "headers" (own $fields))
      (param "contents" (option (stream u8))) (param "trailers" $trailers)
      (param "options" (option (own $options))) (result (tuple (own $request) $sent))))
    (export "[static]request.consume-body" (func (param "this" (own $request))
      (param "res" $sent) (result (tuple (stream u8) $trailers))))
    (export "[static]response.new" (func (param "headers" (own $fields))
      (param "contents" (option (stream u8))) (param "trailers" $trailers)
      (result (tuple (own $response) $sent))))))
  (alias export $types "fields" (type $fields))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (alias export $types "error-code" (type $error))
  (import "wasi:http/client@0.3.0" (instance $client
    (alias outer 1 $request (type $request_)) (export "request" (type $request (eq $request_)))
    (alias outer 1 $response (type $response_)) (export "response" (type $response (eq $response_)))
    (alias outer 1 $error (type $error_)) (export "error-code" (type $error (eq $error_)))
    (export "send" (func async (param "request" (own $request))
      (result (result (own $response) (error $error)))))))
  (type $trailers (future (result (option (own $fields)) (error $error))))
  (type $sent (future (result (error $error))))
  (type $bytes (stream u8))
  (core module $memory
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))
"""

MEMORY = '(memory (core memory $memory "memory"))'
REALLOC = '(realloc (core func $memory "realloc"))'
# What a handler may call: name, what it is, its type in the core module.
FUNCTIONS = [
    ("fields", '(canon lower (func $types "[constructor]fields"))', "(result i32)"),
    # Headers, contents, trailers, options; where the request and the future of its end go.
    ("request", f'(canon lower (func $types "[static]request.new") {MEMORY})',
     "(param i32 i32 i32 i32 i32 i32 i32)"),
    ("response", f'(canon lower (func $types "[static]response.new") {MEMORY})',
     "(param i32 i32 i32 i32 i32)"),
    # The request, a future; where the stream and the trailers go.
    ("consume", f'(canon lower (func $types "[static]request.consume-body") {MEMORY})',
     "(param i32 i32 i32)"),
    ("send", f'(canon lower (func $client "send") async {MEMORY} {REALLOC})',
     "(param i32 i32) (result i32)"),
    ("drop_request", "(canon resource.drop $request)", "(param i32)"),
    ("drop_response", "(canon resource.drop $response)", "(param i32)"),
    ("stream", "(canon stream.new $bytes)", "(result i64)"),
    ("read", f"(canon stream.read $bytes async {MEMORY})", "(param i32 i32 i32) (result i32)"),
    ("write", f"(canon stream.write $bytes async {MEMORY})", "(param i32 i32 i32) (result i32)"),
    ("drop_writer", "(canon stream.drop-writable $bytes)", "(param i32)"),
    ("drop_reader", "(canon stream.drop-readable $bytes)", "(param i32)"),
    ("trailers", "(canon future.new $trailers)", "(result i64)"),
    ("end", f"(canon future.write $trailers async {MEMORY})", "(param i32 i32) (result i32)"),
    ("drop_end", "(canon future.drop-writable $trailers)", "(param i32)"),
    ("sent", "(canon future.new $sent)", "(result i64)"),
    ("drop_sent", "(canon future.drop-readable $sent)", "(param i32)"),
    ("set", "(canon waitable-set.new)", "(result i32)"),
    ("join", "(canon waitable.join)", "(param i32 i32)"),
    ("return", f"(canon task.return (result (result (own $response) (error $error))) {MEMORY})",
     "(param i32 i32 i32 i64 i32 i32 i32 i32)"),
]

# Of all guests. A response stands at 0, the future of its end at 4.
HELPERS = """
    (import "" "memory" (memory 2))
    (global $writer (mut i32) (i32.const 0))
    (global $end (mut i32) (i32.const 0))
    (func $first (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
    (func $second (param i64) (result i32)
      (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
    (func $answer (param $response i32)
      (call $return (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    ;; The reading end of a future of trailers; the other one is kept.
    (func $some_trailers (result i32)
      (local $ends i64)
      (local.set $ends (call $trailers))
      (global.set $end (call $second (local.get $ends)))
      (call $first (local.get $ends)))
    (func $some_stream (result i32)
      (local $ends i64)
      (local.set $ends (call $stream))
      (global.set $writer (call $second (local.get $ends)))
      (call $first (local.get $ends)))
    ;; A response with these contents, if any.
    (func $some_response (param $some i32) (param $contents i32) (result i32)
      (call $response (call $fields) (local.get $some) (local.get $contents)
        (call $some_trailers) (i32.const 0))
      (i32.load (i32.const 0)))
    ;; "No trailers": all zeros, at 256.
    (func $finish (drop (call $end (global.get $end) (i32.const 256))))
    ;; The stream of the request's body; its trailers stand at 12.
    (func $body (param $request i32) (result i32)
      (call $consume (local.get $request) (call $first (call $sent)) (i32.const 8))
      (i32.load (i32.const 8)))
    ;; What `handle` and `woken` return to wait for a handle.
    (func $wait_for (param $handle i32) (result i32)
      (local $set i32)
      (local.set $set (call $set))
      (call $join (local.get $handle) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
"""

TAIL = f"""
  (func $handle async (param "request" (own $request))
    (result (result (own $response) (error $error)))
    (canon lift (core func $program "handle") async {MEMORY} (callback (func $program "woken"))))
  (instance $exports (export "handle" (func $handle)))
  (export "wasi:http/handler@0.3.0" (instance $exports)))
"""


def case(text):
    """A case of a variant: its name, and its payload after a colon (?: an option)."""
    name, _, payload = text.partition(":")
    if payload.endswith("?"):
        payload = f"(option {payload[:-1]})"
    return f'(case "{name}"{payload and " "}{payload})'


def head_text():
    return HEAD.replace("ERRORS", "\n      ".join(case(each) for each in ERRORS.split()))


def handler(body):
    """The text of a component."""
    lines = ["(component", head_text()]
    lines += [f"  (core func ${name} {what})" for name, what, _ in FUNCTIONS]
    lines.append("  (core module $program")
    lines += [f'    (import "" "{name}" (func ${name} {kind}))' for name, _, kind in FUNCTIONS]
    exports = " ".join(f'(export "{name}" (func ${name}))' for name, _, _ in FUNCTIONS)
    lines += [HELPERS, body, "  )", '  (core instance $program (instantiate $program (with ""',
              f'    (instance (export "memory" (memory $memory "memory")) {exports}))))', TAIL]
    return "\n".join(lines).encode()


NOT_WOKEN = '(func (export "woken") (param i32 i32 i32) (result i32) (unreachable))'


def handle(body, woken_by=NOT_WOKEN):
    """A handler whose function `handle` has this body, to be made later."""
    text = f'(func (export "handle") (param $request i32) (result i32)\n{body})\n{woken_by}'
    return lambda: handler(text)


def woken(body):
    return f'(func (export "woken") (param i32 i32 i32) (result i32)\n{body})'


def for_ever(body):
    return handle(f"(loop $again {body} (br $again)) (i32.const 0)")


def inside():
    """A handler that is the export of a component inside."""
    inner = FINE_HANDLER().decode()
    return f"""(component {head_text()}
  (component $inner {inner[len("(component"):]}
  (instance $inner (instantiate $inner
    (with "wasi:http/types@0.3.0" (instance $types))
    (with "wasi:http/client@0.3.0" (instance $client))))
  (export "wasi:http/handler@0.3.0" (instance $inner "wasi:http/handler@0.3.0")))
""".encode()


# Each calls what it is given, and waits inside that call, on a stack of its own.
LINK = """
  (import "wasi:clocks/monotonic-clock@0.3.0"
    (instance $clock (export "wait-for" (func async (param "how-long" u64)))))
  (component $link
    (import "f" (func $f async (param "how-long" u64)))
    (core func $call (canon lower (func $f)))
    (func (export "f") async (param "how-long" u64) (canon lift (core func $call))))"""
AS_COMMAND = """
  (instance $exports (export "run" (func $main "run")))
  (export "wasi:cli/run@0.3.0" (instance $exports)))"""


def chain(links=60):
    """Each component waits for the next one, the last for the clock."""
    lines = ["(component", LINK,
             '  (instance $link0 (instantiate $link (with "f" (func $clock "wait-for"))))']
    lines += [f'  (instance $link{each} (instantiate $link (with "f" (func $link{each - 1} "f"))))'
              for each in range(1, links)]
    lines.append(f"""
  (component $main
    (import "f" (func $f async (param "how-long" u64)))
    (core func $f (canon lower (func $f)))
    (core module $program
      (import "" "f" (func $f (param i64)))
      (func (export "run") (result i32) (call $f (i64.const 1)) (i32.const 0)))
    (core instance $program (instantiate $program (with "" (instance (export "f" (func $f))))))
    (func (export "run") async (result (result)) (canon lift (core func $program "run"))))
  (instance $main (instantiate $main (with "f" (func $link{links - 1} "f"))))""")
    return "\n".join(lines + [AS_COMMAND]).encode()


def blocked(links):
    """So many components that all sleep an hour, side by side."""
    each = range(links)
    imports = "\n".join(f'(import "f{i}" (func $f{i} async (param "how-long" u64)))'
                        f'(core func $f{i} (canon lower (func $f{i}) async))' for i in each)
    lowered = "\n".join(f'(import "" "f{i}" (func $f{i} (param i64) (result i32)))' for i in each)
    calls = "\n".join(f"(drop (call $f{i} (i64.const 3600000000000)))" for i in each)
    given = " ".join(f'(export "f{i}" (func $f{i}))' for i in each)
    made = "\n".join(f'(instance $link{i} (instantiate $link (with "f" (func $clock "wait-for"))))'
                     for i in each)
    links = " ".join(f'(with "f{i}" (func $link{i} "f"))' for i in each)
    return f"""(component {LINK} {made}
  (component $main {imports}
    (core func $set (canon waitable-set.new))
    (core module $program {lowered}
      (import "" "set" (func $set (result i32)))
      (func (export "run") (result i32) {calls}
        (i32.or (i32.const 2) (i32.shl (call $set) (i32.const 4))))
      {NOT_WOKEN})
    (core instance $program
      (instantiate $program (with "" (instance {given} (export "set" (func $set))))))
    (func (export "run") async (result (result))
      (canon lift (core func $program "run") async (callback (func $program "woken")))))
  (instance $main (instantiate $main {links})) {AS_COMMAND}""".encode()


NO_BODY = "(call $some_response (i32.const 0) (i32.const 0))"
A_BODY = "(call $some_response (i32.const 1) (call $some_stream))"
# A new request, at 0.
A_REQUEST = """(call $request (call $fields) (i32.const 0) (i32.const 0) (call $some_trailers)
                 (i32.const 0) (i32.const 0) (i32.const 0))"""
BODY_OF_REQUEST = "(local $body i32) (local.set $body (call $body (local.get $request)))"
READ = "(drop (call $read (local.get $body) (i32.const 65536) (i32.const 65536)))"
GIVE = "(call $answer (call $some_response (i32.const 1) (local.get $body)))"
# Writes 64 KiB again and again; when nobody takes them at once, it is woken when they were taken.
WRITE_ON = """
  (loop $again
    (br_if $again
      (i32.ne (call $write (global.get $writer) (i32.const 0) (i32.const 65536)) (i32.const -1))))
  (call $wait_for (global.get $writer))"""
FINE_HANDLER = handle(f"(call $answer {NO_BODY}) (call $finish) (i32.const 0)")

CONCURRENT = {
    "handler_fine": FINE_HANDLER,
    "handler_inside": inside,
    "component_chain": chain,
    "component_blocked": lambda: blocked(60),
    # Answers: two, the same one twice, none, one that was dropped.
    "handler_answers_twice": handle(
        f"(call $answer {NO_BODY}) (call $answer {NO_BODY}) (i32.const 0)"),
    "handler_same_answer_twice": handle(f"""
        (local $response i32) (local.set $response {NO_BODY})
        (call $answer (local.get $response)) (call $answer (local.get $response)) (i32.const 0)"""),
    "handler_no_answer": handle("(i32.const 0)"),
    "handler_dropped_answer": handle(f"""
        (local $response i32) (local.set $response {NO_BODY})
        (call $drop_response (local.get $response))
        (call $answer (local.get $response)) (i32.const 0)"""),
    # Bodies and trailers that do not end.
    "handler_endless_body": handle(f"(call $answer {A_BODY}) {WRITE_ON}", woken(WRITE_ON)),
    "handler_silent_body": handle(f"""
        (call $answer {A_BODY}) (call $wait_for (call $second (call $stream)))"""),
    "handler_forgotten_body": handle(f"(call $answer {A_BODY}) (call $finish) (i32.const 0)"),
    "handler_no_trailers": handle(f"(call $answer {NO_BODY}) (i32.const 0)"),
    "handler_dropped_trailers": handle(
        f"(call $answer {NO_BODY}) (call $drop_end (global.get $end)) (i32.const 0)"),
    # The request's body: taken twice, given away while it is read, given away and read, given back.
    "handler_consumes_twice": handle("""
        (drop (call $body (local.get $request))) (drop (call $body (local.get $request)))
        (i32.const 0)"""),
    "handler_gives_while_reading": handle(
        f"{BODY_OF_REQUEST} {READ} {READ} {GIVE} (call $finish) (i32.const 0)"),
    "handler_gives_and_reads": handle(f"{BODY_OF_REQUEST} {GIVE} {READ} (i32.const 0)"),
    "handler_gives_back": handle(f"{BODY_OF_REQUEST} {GIVE} (call $finish) (i32.const 0)"),
    # What the host keeps.
    "handler_fields": for_ever("(drop (call $fields))"),
    "handler_responses": for_ever(f"(drop {NO_BODY})"),
    "handler_bodies": for_ever(f"(drop {A_BODY})"),
    "handler_responses_dropped": for_ever(
        f"(call $drop_response {NO_BODY}) (call $drop_sent (i32.load (i32.const 4)))"
        "(call $finish) (call $drop_end (global.get $end))"),
    "handler_requests": for_ever(A_REQUEST),
    "handler_sends": for_ever(
        f"{A_REQUEST} (drop (call $send (i32.load (i32.const 0)) (i32.const 128)))"),
    "handler_sends_own": handle(f"""
        (drop (call $send (local.get $request) (i32.const 128)))
        (call $answer {NO_BODY}) (call $finish) (i32.const 0)"""),
    # After the answer, and instead of it.
    "handler_spins_after": handle(
        f"(call $answer {NO_BODY}) (call $finish) (loop $again (br $again)) (i32.const 0)"),
    "handler_yields_after": handle(
        f"(call $answer {NO_BODY}) (call $finish) (i32.const 1)", woken("(i32.const 1)")),
    "handler_yields": handle("(i32.const 1)", woken("(i32.const 1)")),
    "handler_waits_for_none": handle("(i32.const 2)"),
    "handler_waits_for_nothing": handle(
        "(i32.or (i32.const 2) (i32.shl (call $set) (i32.const 4)))"),
    "handler_unknown_code": handle("(i32.const 15)"),
}
