"""HTTP/1.1 as bytes on a socket, where a client library would hide what is tested.

    with RawConnection(server.port) as raw:
        raw.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        response = raw.response()
"""
import socket
import struct

import harness


class Truncated(Exception):
    """The connection ended before the response did; what came is in `response`."""

    def __init__(self, response):
        super().__init__(f"cut off: {response}")
        self.response = response


class RawConnection:
    def __init__(self, port, receive_buffer_bytes=None, timeout=harness.PATIENCE_S):
        self.socket = socket.socket()
        if receive_buffer_bytes:  # before connecting: it decides about the window
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""
        self.chunk_open = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Goes away as a killed client does: the server gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def fill(self):
        """Reads what there is. False: the other side has ended."""
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def at_end(self):
        """True when the other side has closed, which must come next."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def take(self, count):
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"ended without {mark!r}: {self.buffer!r}")
        return self.take(self.buffer.index(mark) + len(mark))

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise EOFError(f"ended {count - len(self.buffer)} bytes early")
        return self.take(count)

    def rest(self):
        """Everything up to the end."""
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def head(self):
        """A response's head, without looking at its body."""
        status_line, *lines = self.until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        version, status, reason = status_line.split(" ", 2)
        assert version == "HTTP/1.1", status_line
        fields = [tuple(line.split(": ", 1)) for line in lines]
        return harness.Response(int(status), fields, b"", reason=reason)

    def body(self, response, to_head=False):
        """Reads the body as the head frames it (RFC 9112 section 6.3)."""
        if to_head or response.status < 200 or response.status in (204, 304):
            return response
        length = response.value("content-length")
        try:
            if response.value("transfer-encoding") == "chunked":
                while chunk := self.chunk():
                    response.body += chunk
            elif length is not None:
                response.body = self.exactly(int(length))
            else:
                response.body = self.rest()
        except (EOFError, ConnectionResetError):
            response.complete = False
            raise Truncated(response) from None
        return response

    def chunk(self):
        """The next chunk as soon as its data is there; empty: the last one, with what ends it."""
        if self.chunk_open:  # its line end may come with the next chunk only
            assert self.exactly(2) == b"\r\n"
        size = int(self.until(b"\r\n"), 16)
        self.chunk_open = size > 0
        if size == 0:
            assert self.exactly(2) == b"\r\n"
        return self.exactly(size)

    def response(self, to_head=False):
        return self.body(self.head(), to_head)

    def exchange(self, data, to_head=False):
        self.send(data)
        return self.response(to_head)


def get(path, *fields):
    """The bytes of a GET request."""
    lines = [f"GET {path} HTTP/1.1", "Host: test", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def post(path, body, *fields):
    lines = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
