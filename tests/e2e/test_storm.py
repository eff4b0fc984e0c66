#!/usr/bin/env python3
"""Everything at once: clients that pipeline, cut their bytes anywhere, read slowly, break off.

Every answer that is waited for must come and be right, whatever the neighbours do; in the end
nothing is left over. The seed of a failure is printed: GODWIT_STORM_SEED repeats its requests.
"""
import os
import random
import threading
import time
import unittest

import harness
import raw_http
from harness import steps
from raw_http import get, post

SEED = int(os.environ.get("GODWIT_STORM_SEED") or random.SystemRandom().randrange(1 << 32))
SECONDS = float(os.environ.get("GODWIT_STORM_SECONDS") or 10)
CLIENTS = 8
SIZES = [0, 1, 100, 16383, 16384, 16385, 65536, 200_000, 1_000_000]


def chunked(path, pieces):
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def cut(rng, data, sizes):
    pieces = []
    while data:
        size = rng.choice(sizes)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def some_request(rng):
    """The bytes of a request, and what must be true of its response."""
    size = rng.choice(SIZES)
    body = rng.randbytes(min(size, 300_000))
    cat = "/probe?" + steps("cat")
    kinds = [
        (get("/hello"), lambda r: (r.status, r.body) == (200, b"hello\n")),
        (get(f"/sleep?ms={rng.randrange(30)}"), lambda r: r.body == b"slept\n"),
        (get("/spin"), lambda r: r.code == "E4002"),
        (get(f"/one?ms={rng.randrange(40)}"), lambda r: r.status in (200, 429)),
        (get("/none"), lambda r: r.code == "E1008"),
        (get("/probe?" + steps("trap")), lambda r: r.code == "E3001"),
        (get("/probe?" + steps(f"fill {size}")), lambda r: len(r.body) == size),
        (get("/cgi?" + steps("print Status: 404\n\n", f"fill {size}")),
         lambda r: (r.status, len(r.body)) == (404, size)),
        (get("/cgi?" + steps("print nonsense")), lambda r: r.code == "E3004"),
        (post(cat, body), lambda r: r.body == body),
        (chunked(cat, cut(rng, body, [1, 10, 1000, 20_000]) if size < 20_000 else [body]),
         lambda r: r.body == body),
        # More than 256 KiB that nobody reads are not worth it: the connection would be closed.
        (post("/probe?" + steps("print early"), body[:200_000]), lambda r: r.body == b"early"),
        (post("/probe?" + steps("read 5", "sleep 5"), body[:200_000]), lambda r: r.status == 200),
    ]
    return rng.choice(kinds)


class Client:
    """One thread's connections, until the time is up or an answer is wrong."""

    def __init__(self, port, seed, until, failures):
        self.rng = random.Random(seed)
        self.port = port
        self.until = until
        self.failures = failures
        self.answers = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while time.monotonic() < self.until and not self.failures:
            requests = [some_request(self.rng) for _ in range(self.rng.randrange(1, 8))]
            try:
                self.converse(requests, breaks_off=self.rng.random() < 0.25)
            except Exception as error:  # whatever it was, it must be told
                self.failures.append(f"{error!r} after {[data[:60] for data, _ in requests]}")

    def converse(self, requests, breaks_off):
        raw = raw_http.RawConnection(self.port, self.rng.choice([None, None, 4096]))
        data = b"".join(data for data, _ in requests)
        if breaks_off:
            data = data[:self.rng.randrange(len(data))]
        sender = threading.Thread(target=self.send, args=(raw, data), daemon=True)
        sender.start()
        try:
            if breaks_off:
                raw.socket.settimeout(0.05)
                try:
                    raw.fill()
                except OSError:
                    pass
                return raw.reset() if self.rng.random() < 0.7 else None
            for sent, is_right in requests:
                response = raw.response()
                self.answers += 1
                if not is_right(response):
                    self.failures.append(f"{sent[:100]} was answered {response}")
            sender.join(harness.PATIENCE_S)
        finally:
            raw.socket.close()

    def send(self, raw, data):
        rng = random.Random(len(data))
        try:
            for piece in cut(rng, data, [1, 7, 1000, 5000, 50_000, 500_000]):
                raw.send(piece)
        except OSError:
            pass  # broken off; else the missing answer tells


class Storm(harness.ServerTest):
    # Not a test of who is refused: a slow machine is none that is overloaded.
    options = ("--threads", "2", "--limit", "queue-timeout=60s")

    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("hello", harness.wat("hello"))
        folder.add("sleep", harness.wat("sleep"))
        folder.add("spin", harness.wat("spin"), '[limits]\ncpu = "30ms"\n')
        folder.add("one", harness.wat("sleep"),
                   '[limits]\nconcurrency = 1\nqueue = 3\nqueue-timeout = "50ms"\n')
        folder.add("probe", probe)
        folder.add("cgi", probe, 'response = "cgi"\n')

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def test_every_answer_is_right(self):
        print(f"seed {SEED}", flush=True)
        self.get("/hello")
        before = self.descriptors()
        failures = []
        until = time.monotonic() + SECONDS
        clients = [Client(self.server.port, SEED + i, until, failures) for i in range(CLIENTS)]
        for client in clients:
            client.thread.join(SECONDS + 2 * harness.PATIENCE_S)
            self.assertFalse(client.thread.is_alive(), "a client waits for ever")
        self.assertEqual(failures, [])
        self.assertGreater(sum(client.answers for client in clients), 50)
        harness.wait_for(lambda: self.descriptors() <= before + 4, "connections to be closed")
        self.assertEqual(self.get("/hello").body, b"hello\n")


if __name__ == "__main__":
    harness.main()
