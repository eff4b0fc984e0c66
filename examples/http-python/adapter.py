# SPDX-License-Identifier: Apache-2.0
"""Between wasi:http and the WSGI application `app` of src/main.py (PEP 3333). It need not be changed.

Bodies stream in both directions. The environment is os.environ. An exception is written to standard
error, which is the function's log, and answered with 500 if nothing has been sent yet; otherwise the
response is broken off.
"""
import encodings.ascii
import encodings.idna
import encodings.latin_1
import io
import os
import sys
import traceback
from urllib.parse import unquote
from wsgiref.handlers import BaseHandler

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import environment
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (Fields, Method_Other, OutgoingBody, OutgoingResponse,
                                     ResponseOutparam, Scheme_Https)

from main import app

# There are no files at run time: what is imported is part of the component, and nothing else. These
# are what Python would import only when it needs them.
IMPORTED = (encodings.ascii, encodings.idna, encodings.latin_1, traceback)

PIECE = 4096  # as much as blocking-write-and-flush takes at once


class Body(io.RawIOBase):
    """The request's body as a file."""

    def __init__(self, stream):
        self.stream = stream

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            data = self.stream.blocking_read(len(buffer))
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return 0
            raise OSError(error.value.value.to_debug_string()) from None
        buffer[:len(data)] = data
        return len(data)


class Handler(BaseHandler):
    """One request. The protocol between a WSGI server and an application is the base class's."""

    os_environ = {}
    origin_server = False
    wsgi_multithread = False
    wsgi_multiprocess = True
    wsgi_run_once = True
    error_body = b"The function failed.\n"

    def __init__(self, request, response_out):
        self.request = request
        self.response_out = response_out
        self.body = self.stream = None
        self.failed = False
        self.incoming = request.consume()
        self.incoming_stream = self.incoming.stream()
        self.input = io.BufferedReader(Body(self.incoming_stream), 65536)

    def get_stdin(self):
        return self.input

    def get_stderr(self):
        return sys.stderr

    def add_cgi_vars(self):
        path, _, query = (self.request.path_with_query() or "/").partition("?")
        method = self.request.method()
        authority = self.request.authority() or "localhost"
        name, _, port = authority.rpartition(":")
        if not port.isdigit():
            name, port = authority, ""
        self.environ.update({
            "REQUEST_METHOD": method.value if isinstance(method, Method_Other)
                              else type(method).__name__.removeprefix("Method_").upper(),
            "SCRIPT_NAME": "",
            # WSGI's texts are bytes in disguise: a character each.
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": name,
            "SERVER_PORT": port or ("443" if self.get_scheme() == "https" else "80"),
            "SERVER_PROTOCOL": "HTTP/1.1",
        })
        for field, value in self.request.headers().entries():
            key = field.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = "HTTP_" + key
            text = value.decode("latin-1")
            known = self.environ.get(key)
            separator = "; " if key == "HTTP_COOKIE" else ", "
            self.environ[key] = text if known is None else known + separator + text
        # The host keeps it apart from the header fields.
        self.environ["HTTP_HOST"] = authority

    def get_scheme(self):
        return "https" if isinstance(self.request.scheme(), Scheme_Https) else "http"

    def send_headers(self):
        self.cleanup_headers()
        headers = Fields.from_list([(name.lower(), value.encode("latin-1"))
                                    for name, value in self.headers.items()])
        response = OutgoingResponse(headers)
        response.set_status_code(int(self.status[:3]))
        self.body = response.body()
        self.stream = self.body.write()
        self.headers_sent = True
        ResponseOutparam.set(self.response_out, Ok(response))

    def _write(self, data):
        for start in range(0, len(data), PIECE):
            try:
                self.stream.blocking_write_and_flush(data[start:start + PIECE])
            except Err:
                self.failed = True
                raise BrokenPipeError("the client has gone") from None

    def _flush(self):
        pass

    def handle_error(self):
        self.failed = self.headers_sent
        super().handle_error()

    def answer(self):
        self.run(app)
        if self.stream is not None:
            drop(self.stream)
            if self.failed:
                drop(self.body)
            else:
                OutgoingBody.finish(self.body, None)
        drop(self.incoming_stream, self.incoming, self.request)


def drop(*resources):
    """In this order: a stream belongs to its body, and a body to its message."""
    for resource in resources:
        resource.__exit__(None, None, None)


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        # Python read its environment when the component was built.
        os.environ.clear()
        os.environ.update(environment.get_environment())
        Handler(request, response_out).answer()
