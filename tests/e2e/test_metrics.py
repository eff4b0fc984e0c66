#!/usr/bin/env python3
"""--metrics: what is counted, what answers while everything else is stuck, who is kept out."""
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
import raw_http
from raw_http import get

SAMPLE = re.compile(r"(?P<series>[a-z_]+(\{[^}]*\})?) (?P<value>\S+)")


def promtool():
    built = harness.SOURCE / "build/tools/promtool"
    path = shutil.which("promtool") or (str(built) if os.access(built, os.X_OK) else None)
    if not path:
        raise unittest.SkipTest("promtool is missing: ./dev test fetches it out of Debian's "
                                "package prometheus")
    return path


def ask(port, path, method="GET", headers=None):
    """One request to the metrics side."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.PATIENCE_S)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return harness.Response(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


class Page(dict):
    """Series → value, of what /metrics says now."""

    def __init__(self, server):
        super().__init__()
        response = ask(server.metrics_port, "/metrics")
        assert response.status == 200, response
        for line in response.text.splitlines():
            if not line.startswith("#"):
                match = SAMPLE.fullmatch(line)
                assert match and match["series"] not in self, line
                self[match["series"]] = float(match["value"])

    def requests(self, function, outcome):
        return self[f'godwit_requests_total{{function="{function}",version="0",'
                    f'outcome="{outcome}"}}']

    def all_requests(self):
        return sum(value for name, value in self.items()
                   if name.startswith("godwit_requests_total{"))


def wat_of(body):
    """A command whose _start is `body`."""
    return (b'(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))\n'
            b'(memory (export "memory") 1)\n(func (export "_start") ' + body + b"))\n")


class MetricsTest(harness.ServerTest):
    options = ("--threads", "2", "--metrics", "127.0.0.1:0")

    def wait_page(self, condition, what):
        """Requests are counted a moment after their answer."""
        return harness.wait_for(lambda: (lambda page: condition(page) and page)(Page(self.server)),
                                what)

    def expect_moved(self, function, outcome, act, by=1):
        before = Page(self.server)
        act()
        page = self.wait_page(
            lambda page: page.requests(function, outcome) == before.requests(function, outcome) + by
            and page["godwit_request_duration_seconds_count"] == page.all_requests(),
            f"{function} {outcome} counted")
        self.assertEqual(page.all_requests(), before.all_requests() + by)
        return before, page


class Counters(MetricsTest):
    @classmethod
    def functions(cls, folder):
        folder.add("index", harness.wat("hello"))
        folder.add("hello", harness.wat("hello"))
        folder.add("shop/cart", harness.wat("hello"))
        folder.add("small", harness.wat("hello"), '[limits]\nrequest-body = "5B"\n')
        folder.add("trap", wat_of(b"unreachable"))
        folder.add("exit", wat_of(b"(call $exit (i32.const 1))"))
        folder.add("spin", harness.wat("spin"), '[limits]\ncpu = "50ms"\n')
        folder.add("one", harness.wat("sleep"), "[limits]\nconcurrency = 1\nqueue = 0\n")
        folder.add("queue", harness.wat("sleep"),
                   '[limits]\nconcurrency = 1\nqueue = 5\nqueue-timeout = "60s"\n')
        folder.add("sleep", harness.wat("sleep"))
        folder.add("broken", b"(module (oops")
        # It reads well, but its function does not leave what its type says.
        folder.add("invalid", b'(module (memory (export "memory") 1) '
                              b'(func (export "_start") (drop (i32.add (i64.const 1)))))')

    def test_answers(self):
        for path, name in (("/hello", "hello"), ("/shop/cart/more", "shop/cart"), ("/", "/")):
            with self.subTest(path=path):
                before, page = self.expect_moved(
                    name, "ok", lambda path=path: self.assertEqual(self.get(path).status, 200))
                cpu = f'godwit_cpu_seconds_total{{function="{name}"}}'
                self.assertGreater(page[cpu], before[cpu])
                count = "godwit_instantiate_seconds_count"
                self.assertEqual(page[count], before[count] + 1)

    def test_no_route(self):
        before, page = self.expect_moved("-", "client_error", lambda: [
            self.get(f"/nothing-{i}") for i in range(20)], by=20)
        self.assertEqual(page.keys(), before.keys(), "clients can make series")

    def test_what_is_no_http(self):
        def act():
            with raw_http.RawConnection(self.server.port) as raw:
                raw.send(b"\x16\x03\x01\r\n\r\n")
                self.assertEqual(raw.response().status, 400)
        self.expect_moved("-", "client_error", act)

    def test_body_too_large(self):
        self.expect_moved("small", "client_error", lambda: self.assertEqual(
            self.request("POST", "/small", body=b"123456").status, 413))

    def test_failures_of_the_function(self):
        for name in ("trap", "exit"):
            self.expect_moved(name, "function_error", lambda name=name: self.assertEqual(
                self.get("/" + name).status, 500))

    def test_the_cpu_limit(self):
        _, page = self.expect_moved("spin", "timeout", lambda: self.assertEqual(
            self.get("/spin").status, 504))
        self.assertGreaterEqual(page['godwit_cpu_seconds_total{function="spin"}'], 0.05)
        self.assertGreaterEqual(page["godwit_request_duration_seconds_sum"], 0.05)

    def test_too_many_at_once(self):
        series = 'godwit_rejected_total{reason="function_busy"}'
        with raw_http.RawConnection(self.server.port) as first:
            first.send(get("/one?ms=20000"))
            self.wait_page(lambda page: page["godwit_instances_running"] == 1, "one runs")
            before, page = self.expect_moved("one", "rejected", lambda: self.assertEqual(
                self.get("/one").status, 429))
            self.assertEqual(page[series], before[series] + 1)
            self.expect_moved("one", "cancelled", first.reset)
        self.wait_page(lambda page: page["godwit_instances_running"] == 0, "none runs")

    def test_running_and_queued(self):
        clients = [raw_http.RawConnection(self.server.port) for _ in range(3)]
        for client in clients:
            client.send(get("/queue?ms=20000"))
        page = self.wait_page(lambda page: page["godwit_queue_length"] == 2, "two wait")
        self.assertEqual(page["godwit_instances_running"], 1)
        for client in clients:
            client.reset()
        page = self.wait_page(lambda page: page["godwit_instances_running"] == 0
                              and page["godwit_queue_length"] == 0, "all gone")
        self.wait_page(lambda page: page.requests("queue", "cancelled") == 3, "three cancelled")

    def test_connections(self):
        before = self.wait_page(lambda page: page["godwit_connections"] == 0, "no connection")
        clients = [raw_http.RawConnection(self.server.port) for _ in range(5)]
        page = self.wait_page(lambda page: page["godwit_connections"] == 5, "five connections")
        self.assertEqual(page["godwit_connections_accepted_total"],
                         before["godwit_connections_accepted_total"] + 5)
        for client in clients:
            client.reset()
        self.wait_page(lambda page: page["godwit_connections"] == 0, "no connection")

    def test_what_can_not_be_compiled(self):
        for name, reason in (("broken", "text_malformed"), ("invalid", "module_malformed")):
            _, page = self.expect_moved(name, "unavailable", lambda name=name: self.assertEqual(
                self.get("/" + name).status, 503))
            self.assertEqual(page[f'godwit_compile_failures_total{{reason="{reason}"}}'], 1, reason)
        self.assertGreaterEqual(page["godwit_compile_seconds_count"], 2)

    def test_the_process(self):
        page = Page(self.server)
        self.assertEqual(page["godwit_workers"], 2)
        self.assertEqual(page["godwit_functions"], 12)
        self.assertEqual(page["godwit_draining"], 0)
        pid = self.server.process.pid
        self.assertAlmostEqual(page["process_open_fds"],
                               len(os.listdir(f"/proc/{pid}/fd")), delta=10)
        self.assertEqual(page["process_threads"], len(os.listdir(f"/proc/{pid}/task")))
        self.assertAlmostEqual(page["process_start_time_seconds"], time.time(), delta=600)
        self.assertGreater(page["process_virtual_memory_bytes"],
                           page["process_resident_memory_bytes"])
        self.assertEqual([value for name, value in page.items() if re.fullmatch(
            r'godwit_build_info\{version="[0-9.]+",engine="wasmtime [0-9.]+"\}', name)], [1])

    def test_promtool(self):
        self.get("/hello")
        text = ask(self.server.metrics_port, "/metrics").body
        checked = subprocess.run([promtool(), "check", "metrics"], input=text,
                                 capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
        broken = subprocess.run([promtool(), "check", "metrics"], input=text + b"oops{\n",
                                capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertNotEqual(broken.returncode, 0, "promtool takes anything")

    def test_openmetrics(self):
        response = ask(self.server.metrics_port, "/metrics",
                       headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        self.assertEqual(response.value("content-type"),
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(response.text.endswith("\n# EOF\n"))
        self.assertIn("\n# TYPE godwit_rejected counter\n", response.text)


class TheSide(MetricsTest):
    """The HTTP side itself."""

    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))
        folder.add("spin", harness.wat("spin"), '[limits]\ncpu = "60s"\ntimeout = "120s"\n')

    def test_health(self):
        port = self.server.metrics_port
        for path, body in (("/healthz", {"status": "ok"}), ("/readyz", {"status": "ready"})):
            response = ask(port, path)
            self.assertEqual((response.status, response.value("content-type")),
                             (200, "application/json"))
            self.assertEqual(response.text.strip(), str(body).replace("'", '"').replace(" ", ""))
            head = ask(port, path, "HEAD")
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.value("content-length"), response.value("content-length"))

    def test_nothing_else(self):
        port = self.server.metrics_port
        self.assert_problem(ask(port, "/"), 404, "E1008")
        self.assert_problem(ask(port, "/hello"), 404, "E1008")
        self.assert_problem(ask(port, "/metrics", "POST"), 405, "E1012")
        self.assertEqual(ask(port, "/metrics", "DELETE").value("allow"), "GET, HEAD")

    def test_the_public_side_does_not_tell(self):
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assert_problem(self.get(path), 404, "E1008")

    def test_while_all_workers_are_busy(self):
        """More endless loops than workers; each worker has some."""
        loops = [raw_http.RawConnection(self.server.port) for _ in range(8)]
        for loop in loops:
            loop.send(get("/spin"))
        port = self.server.metrics_port
        self.wait_page(lambda page: page["godwit_instances_running"] == 8, "eight run")
        for _ in range(5):
            self.assertEqual(Page(self.server)["godwit_instances_running"], 8)
            self.assertEqual(ask(port, "/healthz").status, 200, "workers turn")
            self.assertEqual(ask(port, "/readyz").status, 200)
        for loop in loops:
            loop.reset()
        self.wait_page(lambda page: page["godwit_instances_running"] == 0, "all ended")

    def test_slow_clients(self):
        """More of them than there are places, each with half a request."""
        port = self.server.metrics_port
        slow = [raw_http.RawConnection(port) for _ in range(100)]
        for number, client in enumerate(slow):
            try:
                client.send(b"GET /metrics HTTP/1.1\r\n"[:1 + number % 20])
            except (BrokenPipeError, ConnectionResetError):
                pass  # it had to make room already
        for _ in range(20):
            self.assertEqual(ask(port, "/metrics").status, 200)
        fds = Page(self.server)["process_open_fds"]
        self.assertLess(fds, 32 + 80, "the connections are not bounded")
        for client in slow:
            client.socket.close()

    def test_floods(self):
        """Many scrapers at once; each gets a whole page."""
        failures = []

        def scrape():
            try:
                for _ in range(10):
                    response = ask(self.server.metrics_port, "/metrics")
                    if response.status != 200 or b"\nprocess_threads " not in response.body:
                        failures.append(response)
            except OSError as error:
                failures.append(error)

        threads = [threading.Thread(target=scrape) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.get("/hello").status, 200)


class Life(unittest.TestCase):
    def start(self, *options, functions=None, **keywords):
        folder = harness.Folder()
        for name, module in (functions or {"hello": harness.wat("hello")}).items():
            folder.add(name, module)
        return harness.Server.started(folder, "--threads", "2", *options, **keywords)

    def test_without_the_flag_there_is_no_side(self):
        with self.start() as server:
            self.assertIsNone(server.metrics_port)
            self.assertNotIn("metrics", server.stdout)

    def test_draining_is_not_ready(self):
        with self.start("--metrics", "127.0.0.1:0", "--drain-timeout", "60s",
                        functions={"sleep": harness.wat("sleep")}) as server:
            port = server.metrics_port
            with raw_http.RawConnection(server.port) as sleeper:
                sleeper.send(get("/sleep?ms=20000"))
                harness.wait_for(lambda: Page(server)["godwit_instances_running"] == 1, "it runs")
                server.signal(signal.SIGTERM)
                response = harness.wait_for(
                    lambda: (lambda r: r.status == 503 and r)(ask(port, "/readyz")), "not ready")
                self.assertEqual(response.text, '{"status":"not ready","reason":"draining"}\n')
                self.assertEqual(response.value("retry-after"), "1")
                self.assertEqual(ask(port, "/healthz").status, 200, "it lives")
                harness.wait_for(lambda: Page(server)["godwit_draining"] == 1, "it is counted")
                sleeper.reset()
            self.assertEqual(server.wait_end(), 0)
            with self.assertRaises(OSError):
                ask(port, "/healthz")

    def test_series_of_functions_that_come_and_go(self):
        with self.start("--metrics", "127.0.0.1:0", "--watch") as server:
            series = 'godwit_requests_total{function="hello",version="0",outcome="ok"}'
            other = series.replace("hello", "other")
            self.assertEqual(server.get("/hello").status, 200)
            harness.wait_for(lambda: Page(server)[series] == 1, "counted")
            self.assertNotIn(other, Page(server))
            # A new version of the same function counts on.
            server.folder.add("hello", harness.wat("hello").replace(b"hello\\n", b"HELLO\\n"))
            harness.wait_for(lambda: server.get("/hello").body == b"HELLO\n", "replaced")
            harness.wait_for(lambda: Page(server)[series] >= 2, "counted on")
            server.folder.add("other", harness.wat("hello"))
            harness.wait_for(lambda: server.get("/other").status == 200, "added")
            harness.wait_for(lambda: Page(server).get(other, 0) >= 1, "counted")
            server.folder.remove("other.wat")
            harness.wait_for(lambda: server.get("/other").status == 404, "removed")
            harness.wait_for(lambda: other not in Page(server), "its series are gone")

    def test_the_address(self):
        with self.start("--metrics", "[::1]:0") as server:
            self.assertRegex(server.stdout, r" metrics=http://\[::1\]:\d+\n$")
        with self.start("--metrics", "0.0.0.0:0") as server:
            server.wait_log(part="serve", level="warning",
                            message="metrics are told to anybody who can connect")
        folder = harness.Folder()
        folder.add("hello", harness.wat("hello"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            server = harness.Server(folder, "--metrics", address)
            self.assertEqual(server.wait_end(), 1)
            self.assertIn(f"E7002: Another process listens on this address: --metrics {address}",
                          server.tail())

    def test_it_never_shares_the_public_address(self):
        with socket.socket() as picker:
            picker.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{picker.getsockname()[1]}"
        folder = harness.Folder()
        folder.add("hello", harness.wat("hello"))
        server = harness.Server(folder, command=[
            harness.program(), "serve", str(folder.path), "--listen", address, "--metrics", address,
            "--state-dir", str(harness.scratch() / "state")])
        self.assertEqual(server.wait_end(), 1)
        self.assertIn("E7002", server.tail())

    def test_wrong_words(self):
        for words in (["--metrics", "9100"], ["--metrics", ":9100"], ["--metrics", "127.0.0.1:x"]):
            done = subprocess.run([harness.program(), "serve", "/", *words], capture_output=True,
                                  timeout=harness.PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(b"--metrics", done.stderr)


if __name__ == "__main__":
    harness.main()
