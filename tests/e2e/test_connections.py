#!/usr/bin/env python3
"""Limits of connections with the real program: how many, how slow, who is gone."""
import os
import pathlib
import subprocess
import time
import unittest

import harness
import raw_http
from harness import steps
from raw_http import get, post

HELLO = b"hello\n"
HALF_HEAD = b"GET /hello HTTP/1.1\r\nHost: test\r\nX-"


def cpu_seconds(pid):
    """What all threads of a process have used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ConnectionsTest(unittest.TestCase):
    """Each test starts a server of its own with one worker and its own flags."""

    def serve(self, *options, command=None):
        folder = harness.Folder()
        folder.add("hello", harness.wat("hello"))
        folder.add("sleep", harness.wat("sleep"))
        folder.add("spin", harness.wat("spin"))
        folder.add("one", harness.wat("sleep"),
                   '[limits]\nconcurrency = 1\nqueue-timeout = "1h"\n')
        if os.environ.get("GODWIT_GUESTS"):
            try:
                folder.add("probe", harness.c_guest("probe"))
            except unittest.SkipTest:
                pass
        server = harness.Server(folder, "--threads", "1", *options,
                                command=command(folder) if command else None)
        self.addCleanup(server.kill)
        server.wait_ready()
        self.server = server
        return server

    def connect(self, **keywords):
        raw = raw_http.RawConnection(self.server.port, **keywords)
        self.addCleanup(raw.socket.close)
        return raw

    def assert_refused(self, raw, status, code):
        response = raw.response()
        self.assertEqual((response.status, response.code), (status, code), response)
        self.assertEqual(response.value("retry-after"), "1")
        self.assertEqual(response.value("connection"), "close")
        self.assertTrue(response.value("x-request-id"))


class HowMany(ConnectionsTest):
    def test_one_more_is_503(self):
        self.serve("--max-connections", "2")
        busy = [self.connect() for _ in range(2)]
        for raw in busy:
            raw.send(get("/sleep?ms=600"))
        refused = self.connect()
        refused.send(get("/hello"))
        self.assert_refused(refused, 503, "E4010")
        for raw in busy:
            self.assertEqual(raw.response().body, b"slept\n")
        self.server.wait_log(message="connections were refused")
        # Now they are idle, and make room.
        self.assertEqual(self.connect().exchange(get("/hello")).body, HELLO)
        self.server.stop()

    def test_a_client_has_a_limit(self):
        self.serve("--max-connections-per-client", "1")
        first = self.connect()
        self.assertEqual(first.exchange(get("/hello")).body, HELLO)
        second = self.connect()
        second.send(get("/hello"))
        self.assert_refused(second, 429, "E4011")

    def test_requests_of_a_connection(self):
        self.serve("--max-requests-per-connection", "2")
        raw = self.connect()
        self.assertIsNone(raw.exchange(get("/hello")).value("connection"))
        self.assertEqual(raw.exchange(get("/hello")).value("connection"), "close")
        self.assertTrue(raw.at_end())

    def test_memory_of_all(self):
        self.serve("--connection-memory", "4MiB")
        before = self.server.status_kb("VmRSS")
        flood = []
        refused = 0
        for _ in range(300):
            raw = self.connect()
            raw.send(HALF_HEAD + b"x" * 30000)
            flood.append(raw)
        for raw in flood:
            if harness.is_readable(raw.socket, 0.01):
                self.assert_refused(raw, 503, "E4012")
                refused += 1
        self.assertGreater(refused, 50)
        if not harness.SANITIZED:
            self.assertLess(self.server.status_kb("VmRSS") - before, 16 << 10)
        for raw in flood:
            raw.socket.close()
        harness.wait_for(lambda: self.server.get("/hello").status == 200, "service")

    def test_settings_in_the_file(self):
        folder = harness.Folder()
        folder.add("hello", harness.wat("hello"))
        folder.write("godwit.toml", b'[server]\nfolder = "."\nmax-requests-per-connection = 1\n')
        with harness.Server.started(folder, "--threads", "1") as self.server:
            raw = self.connect()
            self.assertEqual(raw.exchange(get("/hello")).value("connection"), "close")
            folder.write("godwit.toml", b'[server]\nfolder = "."\nmax-connections = 9\n')
            self.server.signal(1)
            record = self.server.wait_log(message="changed settings of [server] need a restart")
            self.assertEqual(record["keys"], "max-connections, max-requests-per-connection")

    def test_wrong_flags(self):
        for flag, value, expected in [("--max-connections", "0", "1 to 1000000"),
                                      ("--max-connections", "many", "whole number"),
                                      ("--connection-memory", "1000", "E6004"),
                                      ("--connection-memory", "1KiB", "4MiB to 1TiB"),
                                      ("--header-timeout", "10", "E6004"),
                                      ("--idle-timeout", "25h", "1ms to 24h"),
                                      ("--stall-timeout", "0s", "1ms to 1h"),
                                      ("--min-rate", "-1B", "min-rate")]:
            with self.subTest(flag=flag, value=value):
                done = subprocess.run([harness.program(), "serve", ".", flag, value], timeout=60,
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(expected, done.stderr)


class TooSlow(ConnectionsTest):
    def test_a_head_that_trickles(self):
        self.serve("--header-timeout", "500ms")
        raw = self.connect()
        raw.send(HALF_HEAD)
        while not harness.is_readable(raw.socket, 0.02):
            raw.send(b"x")
        response = raw.response()
        self.assertEqual((response.status, response.code), (408, "E1002"))
        self.assertEqual(self.server.get("/hello").body, HELLO)

    def test_a_body_that_trickles(self):
        self.serve("--stall-timeout", "500ms", "--min-rate", "10KiB")
        raw = self.connect()
        raw.send(b"POST /sleep?ms=20000 HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n")
        while not harness.is_readable(raw.socket, 0.02):
            raw.send(b"x")
        response = raw.response()
        self.assertEqual((response.status, response.code), (408, "E1002"))
        self.server.wait_log(part="access", function="sleep", code="E1002")

    def test_a_response_that_is_read_byte_by_byte(self):
        self.serve("--stall-timeout", "500ms", "--min-rate", "10KiB")
        raw = self.connect(receive_buffer_bytes=4096)
        raw.send(get("/probe?" + steps("fill 50000000")))
        try:
            while raw.socket.recv(1):
                time.sleep(0.02)
                if self.server.log(part="access", function="probe"):
                    break
        except ConnectionResetError:
            pass
        record = self.server.wait_log(part="access", function="probe")
        self.assertEqual(record["complete"], "false")
        self.assertEqual(record["code"], "E3006")

    def test_a_response_that_is_read_slowly_but_steadily(self):
        size = 600_000
        self.serve("--stall-timeout", "500ms", "--min-rate", "10KiB")
        raw = self.connect(receive_buffer_bytes=4096)
        raw.send(get("/probe?" + steps(f"fill {size}")))
        received = 0
        while received < size:
            piece = raw.socket.recv(4096)
            self.assertNotEqual(piece, b"", received)
            received += len(piece)
            time.sleep(0.015)
        record = self.server.wait_log(part="access", function="probe")
        self.assertEqual((record["status"], record.get("code")), ("200", None))

    def test_an_idle_connection(self):
        self.serve("--idle-timeout", "300ms")
        raw = self.connect()
        self.assertTrue(raw.at_end())

    def test_who_takes_long_but_moves_is_served(self):
        self.serve("--stall-timeout", "2s", "--min-rate", "20B")
        raw = self.connect()
        raw.send(b"POST /probe?" + steps("cat").encode() +
                 b" HTTP/1.1\r\nHost: test\r\nContent-Length: 150\r\n\r\n")
        for _ in range(150):
            raw.send(b"x")
            time.sleep(0.02)
        self.assertEqual(raw.response().body, b"x" * 150)


class Gone(ConnectionsTest):
    def assert_cancelled(self, function, count=1):
        """Not by a limit of its own: those have other codes."""
        self.server.wait_log(count, part="access", function=function, code="E3006")

    def test_while_it_computes(self):
        self.serve("--limit", "cpu=1h", "--limit", "timeout=1h")
        for more in (b"", get("/hello") * 20):
            raw = self.connect()
            raw.send(get("/spin") + more)
            time.sleep(0.2)
            raw.reset()
        self.assert_cancelled("spin", 2)
        self.assertEqual(self.server.get("/hello").body, HELLO)

    def test_while_it_sleeps(self):
        self.serve("--limit", "timeout=1h")
        raw = self.connect()
        raw.send(get("/sleep?ms=3000000"))
        time.sleep(0.2)
        raw.reset()
        self.assert_cancelled("sleep")

    def test_while_it_waits_for_its_place(self):
        self.serve("--limit", "timeout=1h")
        first = self.connect()
        first.send(get("/one?ms=1500"))
        time.sleep(0.2)
        second = self.connect()
        second.send(get("/one?ms=1"))
        time.sleep(0.2)
        second.reset()
        self.assert_cancelled("one")
        self.assertEqual(first.response().body, b"slept\n")

    def test_while_it_writes_or_reads(self):
        self.serve("--limit", "timeout=1h", "--limit", "response-body=1GiB")
        writes = self.connect(receive_buffer_bytes=4096)
        writes.send(get("/probe?" + steps("fill 500000000")))
        reads = self.connect()
        reads.send(b"POST /probe?" + steps("cat").encode() +
                   b" HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nabc")
        time.sleep(0.3)
        writes.reset()
        self.assert_cancelled("probe")
        reads.reset()
        self.assert_cancelled("probe", 2)

    def test_half_closed_is_not_gone(self):
        self.serve()
        raw = self.connect()
        raw.send(get("/sleep?ms=400") + get("/hello"))
        raw.half_close()
        self.assertEqual(raw.response().body, b"slept\n")
        self.assertEqual(raw.response().body, HELLO)
        self.assertTrue(raw.at_end())
        self.assertEqual(self.server.log(part="access", code="E3006"), [])


class WithoutDescriptors(ConnectionsTest):
    LIMIT = 100

    def command(self, folder):
        return ["sh", "-c", f'ulimit -n {self.LIMIT} && exec "$@"', "sh",
                harness.program(), "serve", str(folder.path), "--listen", "127.0.0.1:0",
                "--state-dir", str(harness.scratch() / "state"), "--log-format", "json",
                "--threads", "1", "--max-connections", "5000"]

    @unittest.skipIf(harness.SANITIZED, "the sanitizer needs descriptors of its own")
    def test_it_does_not_spin_and_serves_afterwards(self):
        self.serve(command=self.command)
        self.server.wait_log(message="max-connections is more than there are descriptors")
        flood = []
        for _ in range(2 * self.LIMIT):
            flood.append(self.connect())
            try:
                flood[-1].send(HALF_HEAD)  # not idle: it can't be closed for another
            except OSError:
                pass  # told that there is no room, and closed
        self.server.wait_log(message="connections were refused")
        before = cpu_seconds(self.server.process.pid)
        time.sleep(1)
        used = cpu_seconds(self.server.process.pid) - before
        self.assertLess(used, 0.5, "it spins")
        for raw in flood:
            raw.socket.close()
        harness.wait_for(lambda: self.server.get("/hello").status == 200, "service")
        for _ in range(20):
            self.assertEqual(self.server.get("/hello").body, HELLO)
        self.server.stop()


if __name__ == "__main__":
    harness.main()
