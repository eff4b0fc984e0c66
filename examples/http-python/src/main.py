# SPDX-License-Identifier: Apache-2.0
"""An ordinary WSGI application; nothing here knows of WebAssembly."""
import json
from urllib.parse import parse_qs


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.endswith("/upper"):
        return upper(environ, start_response)
    if path.endswith("/count"):
        return count(environ, start_response)
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        start_response("405 Method Not Allowed",
                       [("Content-Type", "text/plain; charset=utf-8"), ("Allow", "GET, HEAD")])
        return [b"only GET and HEAD\n"]
    # An empty name is none.
    name = parse_qs(environ["QUERY_STRING"]).get("name", ["World"])[-1]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"),
                              ("X-Greeter", "python, WSGI")])
    return [f"Hello, {name}!\n".encode()]


def upper(environ, start_response):
    """Streams: what is yielded goes out before more is read."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    for line in environ["wsgi.input"]:
        yield line.decode(errors="replace").upper().encode()


def count(environ, start_response):
    """The words of a JSON list of texts."""
    try:
        texts = json.load(environ["wsgi.input"])
        words = sum(len(text.split()) for text in texts)
    except (ValueError, TypeError, AttributeError):
        start_response("400 Bad Request", [("Content-Type", "application/json")])
        return [b'{"error": "send a JSON list of texts"}\n']
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"words": words}).encode() + b"\n"]
