#!/usr/bin/env python3
"""Sends the probe's requests to a server and writes what came back, so that two hosts can be
compared by diff:

    transcript.py HOST:PORT [PREFIX]     PREFIX is the function's path, for instance /probe

Requests and responses are raw, one connection each. Left out: fields that differ by server or time.
"""
import re
import socket
import sys

VARYING = {"date", "server", "x-request-id", "connection", "keep-alive"}
PIECES_SHOWN = 2000

# (method, path, headers, body). A body of a list is sent chunked, an item a chunk; a str item that
# starts with "trailer:" is a trailer field.
GET = [
    "/hello", "/nothing-here", "/headers?x=1&y=%20", "/status/200", "/status/201", "/status/404",
    "/status/418", "/status/500", "/status/599", "/empty/204", "/empty/200", "/empty/304",
    "/fields", "/forbidden-header", "/no-answer", "/drop-outparam", "/error",
    "/error?code=connection-refused", "/error?code=http-request-denied",
    "/error?code=http-request-body-size", "/error?code=http-response-timeout",
    "/error?code=loop-detected", "/error?code=dns-timeout", "/half/0", "/half/10",
    "/half/20000", "/drop-body", "/no-finish", "/content-length-short", "/content-length-long",
    "/double-set", "/trap", "/sleep/50", "/alloc/10", "/stderr/3", "/stdout", "/env", "/clock",
    "/random", "/exit/0", "/exit/1", "/fetch?url=http://127.0.0.1:1/",
    "/fetch?url=http://no-such-host.invalid/", "/fetch?url=ftp://127.0.0.1/",
    "/fetch?url=http://127.0.0.1:99999/", "/fetch?url=no-url", "/recurse/1000", "/recurse",
]
OTHER = [
    ("HEAD", "/hello", {}, None),
    ("OPTIONS", "/headers", {}, None),
    ("PURGE", "/headers", {}, None),
    ("POST", "/headers", {"X-A": "1", "x-a": "2", "X-Latin": "caf\xe9", "Cookie": "a=b"}, b""),
    ("POST", "/echo", {"Content-Type": "text/x"}, b"echo this"),
    ("POST", "/echo", {}, [b"in", b" chunks"]),
    ("POST", "/echo", {}, b"x" * 100000),
    ("POST", "/splice", {}, b"splice this"),
    ("POST", "/splice", {}, b"x" * 100000),
    ("POST", "/trailers", {}, b"no trailers"),
    ("POST", "/trailers", {"TE": "trailers", "Trailer": "x-sum"}, [b"abc", "trailer:x-sum: 42"]),
    ("POST", "/answer-first", {}, b"y" * 70000),
    ("POST", "/drop-request", {}, b"z" * 70000),
    ("POST", "/poll-many/50", {}, [b"one", b"two"]),
]


# What only wasi:http 0.3 has; the probe for 0.2 answers 404.
GET_3 = ["/trailers-error", "/drop-body/0", "/trap-after", "/sleep-after/20", "/delivered",
         "/yield/100", "/sleep-many/50", "/stdin"]
OTHER_3 = [
    ("POST", "/pass", {}, b"pass this"),
    ("POST", "/pass", {}, b"x" * 100000),
    ("POST", "/pass", {"TE": "trailers", "Trailer": "x-sum"}, [b"abc", "trailer:x-sum: 42"]),
    ("POST", "/read-first", {}, b"y" * 70000),
    ("POST", "/drop-reader", {}, b"z" * 70000),
]


def encoded(body):
    """The body's header fields and bytes."""
    if body is None:
        return {}, b""
    if isinstance(body, bytes):
        return {"Content-Length": str(len(body))}, body
    chunks = [piece for piece in body if isinstance(piece, bytes)]
    trailers = [piece[len("trailer:"):] for piece in body if isinstance(piece, str)]
    text = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"
    text += b"".join(trailer.encode() + b"\r\n" for trailer in trailers) + b"\r\n"
    return {"Transfer-Encoding": "chunked"}, text


def exchange(address, method, path, headers, body):
    extra, content = encoded(body)
    fields = {"Host": "probe.test", "Connection": "close"} | headers | extra
    head = f"{method} {path} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    received, ending = b"", "closed"
    with socket.create_connection(address, timeout=20) as connection:
        try:
            connection.sendall(head.encode("latin-1") + content)
        except (BrokenPipeError, ConnectionResetError):
            ending = "refused while sending"
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            ending = "reset"
        except TimeoutError:
            ending = "silent for 20 s"
    return received, ending


def unchunked(body):
    """The content, the trailers, and whether the last chunk came."""
    content = b""
    while True:
        match = re.match(rb"([0-9a-fA-F]+)[^\r\n]*\r\n", body)
        if not match:
            return content, b"", False
        size = int(match.group(1), 16)
        body = body[match.end():]
        if size == 0:
            return content, body.removesuffix(b"\r\n"), True
        content += body[:size]
        body = body[size + 2:]


def show(received, ending):
    if not received:
        return [f"(no response, {ending})"]
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = [line for line in lines[1:] if line.split(":")[0].lower() not in VARYING]
    shown = lines[:1] + sorted(field.lower() for field in fields)
    trailers, whole = b"", True
    if b"transfer-encoding: chunked" in head.lower():
        body, trailers, whole = unchunked(body)
    else:
        length = re.search(rb"content-length: *(\d+)", head.lower())
        whole = not length or int(length.group(1)) == len(body)
    text = body.decode("latin-1")
    if len(text) > PIECES_SHOWN:
        text = f"({len(text)} bytes)"
    shown += ["", text.rstrip("\n")]
    shown += [f"trailer {line}" for line in trailers.decode("latin-1").split("\r\n") if line]
    return shown + ([] if whole else [f"(broken off, {ending})"])


def main():
    host, _, port = sys.argv[1].rpartition(":")
    prefix = sys.argv[2] if len(sys.argv) > 2 else ""
    requests = [("GET", path, {}, None) for path in GET + GET_3] + OTHER + OTHER_3
    for method, path, headers, body in requests:
        print(f"=== {method} {path}" + (f" {len(body)}" if body is not None else ""))
        received, ending = exchange((host, int(port)), method, prefix + path, headers, body)
        print("\n".join(show(received, ending)), flush=True)


if __name__ == "__main__":
    main()
