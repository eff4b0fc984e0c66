#!/usr/bin/env python3
"""Start, ready line, signals, drain, the end; what the logs look like."""
import json
import os
import re
import signal
import time
import unittest

import harness
import raw_http
from raw_http import get


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.folder = harness.Folder()
        self.folder.add("hello", harness.wat("hello"))
        self.folder.add("sleep", harness.wat("sleep"))
        self.folder.add("spin", harness.wat("spin"))

    def start(self, *options, **keywords):
        server = harness.Server.started(self.folder, "--threads", "2", *options, **keywords)
        self.addCleanup(server.kill)
        return server

    def sleeper(self, server, ms, path="/sleep"):
        """A connection whose request runs."""
        raw = raw_http.RawConnection(server.port)
        self.addCleanup(raw.socket.close)
        raw.send(get(f"{path}?ms={ms}"))
        time.sleep(0.3)
        return raw

    def assert_refuses_connections(self, server):
        def refused():
            try:
                raw_http.RawConnection(server.port).socket.close()
                return False
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:  # it was in the queue of a socket that is closed now
                return False
        harness.wait_for(refused, "new connections to be refused")

    def test_the_ready_line(self):
        server = self.start()
        self.assertRegex(server.stdout,
                         rf"^ready http://127\.0\.0\.1:{server.port} functions=3( admin=\S+)?\n$")
        self.assertGreater(server.port, 0)
        server.get("/hello")
        server.stop()
        self.assertEqual(server.stdout.count("\n"), 1)

    def test_several_listeners(self):
        server = harness.Server(self.folder, "--listen", "127.0.0.1:0")  # and the harness's own
        self.addCleanup(server.kill)
        server.wait_ready()
        ports = [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", server.stdout)]
        self.assertEqual(len(set(ports)), 2, server.stdout)
        for server.port in ports:
            self.assertEqual(server.get("/hello").body, b"hello\n")
        server.stop()

    def test_a_port_that_another_server_holds(self):
        first = self.start()
        second = harness.Server(
            self.folder, command=[harness.program(), "serve", str(self.folder.path), "--listen",
                                  f"127.0.0.1:{first.port}", "--state-dir",
                                  str(harness.scratch() / "state")])
        self.assertEqual(second.wait_end(), 1)
        self.assertEqual(second.stdout, "")
        said = "".join(second.lines)
        self.assertRegex(said, r"(?m)^godwit: error E7002: ")
        self.assertIn(str(first.port), said)
        self.assertEqual(first.get("/hello").body, b"hello\n")

    def test_an_address_that_is_not_ours(self):
        server = harness.Server(self.folder, "--listen", "192.0.2.1:0")
        self.assertEqual(server.wait_end(), 1)
        self.assertRegex("".join(server.lines), r"(?m)^godwit: error E7003: ")

    def test_both_signals_drain(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start()
            sleeper = self.sleeper(server, 1500)
            idle = raw_http.RawConnection(server.port)
            self.addCleanup(idle.socket.close)
            self.assertEqual(idle.exchange(get("/hello")).body, b"hello\n")
            server.signal(number)
            self.assert_refuses_connections(server)
            self.assertTrue(idle.at_end())
            self.assertIsNone(server.process.poll(), "it did not wait for what runs")
            response = sleeper.response()
            self.assertEqual(response.body, b"slept\n")
            self.assertEqual(response.value("connection"), "close")
            self.assertTrue(sleeper.at_end())
            sleeper.socket.close()
            self.assertEqual(server.wait_end(), 0)

    def test_a_request_that_arrives_during_the_drain(self):
        """On a connection whose request runs: after it the connection closes."""
        server = self.start()
        raw = self.sleeper(server, 1000)
        server.signal(signal.SIGTERM)
        self.assert_refuses_connections(server)
        raw.send(get("/hello"))
        self.assertEqual(raw.response().body, b"slept\n")
        self.assertTrue(raw.at_end())
        self.assertEqual(server.wait_end(), 0)

    def test_a_second_signal_ends_at_once(self):
        for path in ("/sleep", "/spin"):
            server = self.start("--drain-timeout", "60s")
            raw = self.sleeper(server, 25000, path)
            server.signal(signal.SIGTERM)
            self.assert_refuses_connections(server)
            begun = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait_end(), 1)
            self.assertLess(time.monotonic() - begun, 8)  # the spinner has 10 s of CPU time
            self.assertEqual(raw.rest() if path == "/sleep" else b"", b"")

    def test_the_drain_timeout(self):
        server = self.start("--drain-timeout", "1s")
        self.sleeper(server, 25000)
        server.signal(signal.SIGTERM)
        begun = time.monotonic()
        self.assertEqual(server.wait_end(), 0)
        self.assertLess(time.monotonic() - begun, 15)

    def test_no_process_is_left(self):
        for number, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
            server = self.start()
            below = harness.children(server.process.pid)
            self.assertGreaterEqual(len(below), 1, "no compile service")
            server.signal(number)
            self.assertEqual(server.wait_end(), code)
            harness.wait_for(lambda: not any(map(harness.is_alive, below)), "its children to end")

    def test_the_compile_service_may_die(self):
        """It is started again for the next module; what serves is not disturbed."""
        server = self.start("--watch")
        (service,) = harness.children(server.process.pid)
        # Its loop goes on without it. (Before it has one, only a restart of the server helps.)
        harness.wait_for(lambda: harness.children(service), "its loop")
        os.kill(service, signal.SIGKILL)
        self.folder.add("later", harness.wat("hello").replace(b"hello\\n", b"later\\n"))
        harness.wait_for(lambda: server.get("/later").body == b"later\n", "the new function")
        self.assertEqual(server.get("/hello").body, b"hello\n")
        server.stop()

    def test_whatever_signals_the_parent_ignored(self):
        """An ignored signal is inherited: children can't be waited for where SIGCHLD is one."""
        server = harness.Server(self.folder, command=[
            "env", "--ignore-signal=CHLD,TERM,INT,HUP,PIPE", harness.program(), "serve",
            str(self.folder.path), "--listen", "127.0.0.1:0", "--state-dir",
            str(harness.scratch() / "ignored-state")])
        self.addCleanup(server.kill)
        server.wait_ready()
        self.assertEqual(server.get("/hello").body, b"hello\n")
        server.stop()

    def test_standard_streams_that_are_closed(self):
        """No log line ends up in a file that took the number 2."""
        server = harness.Server(self.folder, command=[
            "sh", "-c", 'exec "$@" <&- 2>&-', "sh", harness.program(), "serve",
            str(self.folder.path), "--listen", "127.0.0.1:0", "--state-dir",
            str(harness.scratch() / "closed-state")])
        self.addCleanup(server.kill)
        server.wait_ready()
        for descriptor in (0, 2):
            self.assertEqual(os.readlink(f"/proc/{server.process.pid}/fd/{descriptor}"),
                             "/dev/null")
        self.assertEqual(server.get("/hello").body, b"hello\n")
        server.stop()

    def test_nothing_of_the_environment_is_passed_on(self):
        """Neither to guests nor to the compile service."""
        server = self.start(environment={"SECRET_OF_THE_HOST": "swordfish"})
        (service,) = harness.children(server.process.pid)
        with open(f"/proc/{service}/environ", "rb") as file:
            self.assertNotIn(b"swordfish", file.read())
        server.stop()

    def test_a_closed_stderr_does_not_end_it(self):
        reading, writing = os.pipe()
        server = self.start(stderr=writing)
        os.close(writing)
        os.close(reading)
        for _ in range(50):
            self.assertEqual(server.get("/hello").body, b"hello\n")
        server.stop()

    def test_a_stderr_that_nobody_reads_does_not_hold_it(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        server = self.start("--log-level", "debug", stderr=writing)
        os.close(writing)
        for _ in range(1000):  # more lines than a pipe holds
            self.assertEqual(server.get("/hello").body, b"hello\n")
        server.stop()

    def test_the_descriptors_do_not_grow(self):
        server = self.start()
        for _ in range(20):
            server.get("/hello")
        count = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        for _ in range(200):
            server.get("/hello")
        harness.wait_for(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= count + 2,
                         "connections to be closed")
        server.stop()


class Logs(unittest.TestCase):
    def logged(self, *options, **keywords):
        folder = harness.Folder()
        folder.add("hello", harness.wat("hello"))
        with harness.Server.started(folder, *options, **keywords) as server:
            response = server.get("/hello/x?secret=1", headers={"User-Agent": 'a"b'})
            server.get("/%0a%22x")
        return response, server.lines

    def test_json(self):
        response, lines = self.logged()
        records = [json.loads(line) for line in lines]
        for record in records:
            self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(record["level"], ("debug", "info", "warning", "error"))
        (access,) = [record for record in records
                     if record.get("request_id") == response.value("x-request-id")]
        self.assertEqual((access["part"], access["message"], access["status"], access["function"],
                          access["bytes_out"], access["client"]),
                         ("access", "GET /hello/x", "200", "hello", "6", "127.0.0.1"))

    def test_text(self):
        response, lines = self.logged(json_log=False)
        (access,) = [line for line in lines if response.value("x-request-id") in line]
        self.assertRegex(access, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info access: "
                                 r"GET /hello/x status=200 function=hello bytes_in=0 bytes_out=6 "
                                 r"ms=\d+\.\d{3} cpu_us=\d+ client=127\.0\.0\.1 request_id=\w+\n$")

    def test_levels(self):
        _, lines = self.logged("--log-level", "error")
        self.assertEqual(lines, [])
        _, lines = self.logged("--log-level", "debug")
        self.assertTrue([line for line in lines if '"level":"debug"' in line])


if __name__ == "__main__":
    harness.main()
