#!/usr/bin/env python3
"""Components that speak wasi:http, against the real server: the probe's paths, streams, trailers,
limits. Their guests are tests/components.

What the probe's paths answer stands in tests/components/godwit.txt, in transcript.py's form and
reviewed against wasmtime's; GODWIT_RECORD=1 writes it anew.
"""
import http.client
import http.server
import os
import re
import resource
import sys
import threading
import unittest
import urllib.parse

import harness
import raw_http

COMPONENTS = harness.SOURCE / "tests/components"
sys.path.insert(0, str(COMPONENTS))

import transcript  # noqa: E402  pylint: disable=wrong-import-position

REQUESTS = [("GET", path, {}, None) for path in transcript.GET] + transcript.OTHER
# Whether these are done before their head goes out depends on how the body arrives.
FRAMING = re.compile(r"(content-length|transfer-encoding): .*")
MIB = 1 << 20


def title(request):
    return f"=== {request[0]} {request[1]}" + (f" {len(request[3])}" if request[3] else "")


def steady(request, lines):
    """Without what differs from run to run."""
    method, path, _, body = request
    if method == "HEAD":
        lines = [line for line in lines if not line.startswith("(broken off")]
    if body is not None:
        lines = [line for line in lines if not FRAMING.fullmatch(line)]
    text = "\n".join(lines)
    if path.startswith(("/random", "/clock")):
        text = re.sub(r"\b[0-9a-f]+\b", "N", text.partition("\n")[2])
    if path.startswith("/poll-many"):
        return lines[0] + "\n" + text.splitlines()[-1]
    text = re.sub(r"\(broken off, .*\)", "(broken off)", text)
    return re.sub(r',"request_id":"\w+"', "", re.sub(r"\n+", "\n", text.rstrip()))


def broken_off(server, path):
    """What comes of an answer that is not whole; it may end with a reset."""
    received, ending = transcript.exchange(("127.0.0.1", server.port), "GET", path, {}, None)
    return steady(("GET", path, {}, None), transcript.show(received, ending))


class Probe(harness.ServerTest):
    GUEST = "probe"
    RECORDED = COMPONENTS / "godwit.txt"
    REQUESTS = REQUESTS

    @classmethod
    def functions(cls, folder):
        folder.add("probe", harness.component(cls.GUEST))

    def answer(self, request):
        method, path, headers, body = request
        received, ending = transcript.exchange(("127.0.0.1", self.server.port), method,
                                               "/probe" + path, headers, body)
        return steady(request, transcript.show(received, ending))

    def test_every_path_answers_as_recorded(self):
        answers = {title(request): self.answer(request) for request in self.REQUESTS}
        if os.environ.get("GODWIT_RECORD"):
            self.RECORDED.write_text("".join(f"{name}\n{text}\n" for name, text in answers.items()),
                                encoding="utf-8")
        recorded = {}
        for part in self.RECORDED.read_text(encoding="utf-8").split("\n=== "):
            name, _, text = part.removeprefix("=== ").partition("\n")
            recorded["=== " + name] = text.rstrip("\n")
        self.assertEqual(sorted(answers), sorted(recorded))
        for name, text in answers.items():
            with self.subTest(name):
                self.assertEqual(text, recorded[name])

    def test_failures_before_the_head_are_problems(self):
        for path, code in (("/trap", "E3001"), ("/half/10", "E3001"), ("/exit/1", "E3002"),
                           ("/no-answer", "E3007"), ("/exit/0", "E3007"), ("/drop-body", "E3008"),
                           ("/content-length-short", "E3008"), ("/error", "E3009")):
            with self.subTest(path):
                self.assert_problem(self.get("/probe" + path), 500, code)

    def test_failures_behind_the_head_break_off(self):
        self.assertIn("(broken off)", broken_off(self.server, "/probe/half/200000"))
        self.server.wait_log(part="access", message="GET /probe/half/200000", code="E3001",
                             complete="false")

    def test_an_error_of_the_guest_is_in_the_log(self):
        response = self.get("/probe/error?code=loop-detected")
        self.assert_problem(response, 500, "E3009")
        record = self.server.wait_log(part="invocation",
                                      request_id=response.value("x-request-id"))
        self.assertIn("loop", str(record).lower())

    def test_what_is_printed_is_logged(self):
        for path, line in (("/probe/stdout", "stdout"), ("/probe/stderr/3", "stderr")):
            response = self.get(path)
            record = self.server.wait_log(part="guest",
                                          request_id=response.value("x-request-id"))
            self.assertTrue(record["message"], line)

    def test_a_connection_is_used_again_whatever_came_before(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                                timeout=harness.PATIENCE_S)
        self.addCleanup(connection.close)
        for path in ("/hello", "/trap", "/error", "/no-finish", "/empty/204", "/hello") * 3:
            connection.request("GET", "/probe" + path)
            answer = connection.getresponse()
            body = answer.read()
            if path == "/hello":
                self.assertEqual((answer.status, body), (200, b"hello\n"))

    def test_trailers_only_for_clients_that_take_them(self):
        request = (b"POST /probe/trailers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
                   b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n")
        for head, are_sent in ((b"TE: trailers\r\n", True), (b"", False)):
            with raw_http.RawConnection(self.server.port) as raw:
                raw.send(request % head)
                while raw.fill():
                    pass
                self.assertIn(b'{"name":"x-sum","value":"42"}', raw.buffer)
                self.assertEqual(b"\r\nx-size: 3\r\n" in raw.buffer, are_sent, raw.buffer)
                self.assertEqual(raw.buffer.count(b"HTTP/1.1 200"), 1)

    def test_the_answer_starts_while_the_body_is_sent(self):
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(b"POST /probe/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
            for number in range(10):
                raw.send(b"6\r\npart %d\r\n" % number)
                while b"part %d" % number not in raw.buffer:
                    self.assertTrue(raw.fill(), raw.buffer)
            raw.send(b"0\r\n\r\n")
            while raw.fill():
                pass
            self.assertTrue(raw.buffer.endswith(b"0\r\n\r\n"), raw.buffer[-100:])

    def test_a_body_that_the_client_breaks_off(self):
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(b"POST /probe/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            while b"abc" not in raw.buffer:
                self.assertTrue(raw.fill(), raw.buffer)
            raw.reset()
        self.server.wait_log(part="access", code="E3006")
        self.assertEqual(self.get("/probe/hello").body, b"hello\n")

    def test_clients_that_go_away_end_their_guests(self):
        before = len(self.server.log(part="access", code="E3006"))
        for _ in range(20):
            with raw_http.RawConnection(self.server.port, receive_buffer_bytes=4096) as raw:
                raw.send(b"GET /probe/big/50 HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertTrue(raw.fill())
                raw.reset()
        self.server.wait_log(count=before + 20, part="access", code="E3006")
        self.assertEqual(self.get("/probe/hello").body, b"hello\n")


class Streams(harness.ServerTest):
    """Much data in little memory."""

    GUEST = "probe"
    SIZE = 100 * MIB

    @classmethod
    def functions(cls, folder):
        folder.add("probe", harness.component(cls.GUEST),
                   '[limits]\nrequest-body = "1GiB"\nresponse-body = "1GiB"\ntimeout = "170s"\n'
                   'cpu = "120s"\n')

    def check_growth(self, before):
        after = self.server.status_kb("VmRSS")
        if not harness.SANITIZED:
            self.assertLess(after - before, 32 << 10, "KiB more than before")

    def check_echo(self, path):
        self.get("/probe/hello")
        before = self.server.status_kb("VmRSS")
        piece = b"0123456789abcdef" * 4096

        def send(raw):
            raw.send(b"POST /probe/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % (path, self.SIZE))
            for _ in range(self.SIZE // len(piece)):
                raw.send(piece)

        with raw_http.RawConnection(self.server.port) as raw:
            sender = threading.Thread(target=send, args=(raw,))
            sender.start()
            answer = http.client.HTTPResponse(raw.socket)
            answer.begin()
            received = 0
            while data := answer.read(len(piece)):
                self.assertEqual(data, piece[:len(data)], received)
                received += len(data)
                self.assertEqual(received % len(piece) == 0 or received == self.SIZE, True)
            sender.join(harness.PATIENCE_S)
            self.assertEqual(received, self.SIZE)
        self.check_growth(before)

    def test_echo(self):
        self.check_echo(b"echo")

    def test_what_the_host_passes_on(self):
        self.check_echo(b"pass" if self.GUEST == "probe3" else b"splice")

    def test_readers_that_do_not_read_hold_little(self):
        self.get("/probe/hello")
        before = self.server.status_kb("VmRSS")
        slow = []
        for _ in range(8):
            raw = raw_http.RawConnection(self.server.port, receive_buffer_bytes=4096)
            self.addCleanup(raw.socket.close)
            raw.send(b"GET /probe/big/100 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            slow.append(raw)
        for raw in slow:
            self.assertTrue(raw.fill())
        self.assertEqual(self.get("/probe/hello").body, b"hello\n")
        self.check_growth(before)


class Limits(harness.ServerTest):
    GUEST = "probe"

    @classmethod
    def functions(cls, folder):
        probe = harness.component(cls.GUEST)
        folder.add("cpu", probe, '[limits]\ncpu = "100ms"\ntimeout = "60s"\n')
        folder.add("wall", probe, '[limits]\ntimeout = "300ms"\ncpu = "60s"\n')
        folder.add("memory", probe, '[limits]\nmemory = "8MiB"\n')
        folder.add("body", probe, '[limits]\nrequest-body = "1KiB"\nresponse-body = "64KiB"\n')
        folder.add("one", probe, '[limits]\nconcurrency = 1\nqueue = 0\n')

    def test_time(self):
        self.assert_problem(self.get("/cpu/spin"), 504, "E4002")
        self.assert_problem(self.get("/wall/spin"), 504, "E4003")
        # Its head is out before it sleeps.
        self.assertIn("before\n(broken off)", broken_off(self.server, "/wall/sleep/60000"))
        self.server.wait_log(part="access", message="GET /wall/sleep/60000", code="E4003")
        self.assertEqual(self.get("/cpu/hello").body, b"hello\n")

    def test_memory(self):
        self.assertEqual(self.get("/memory/alloc/1").status, 200)
        response = self.get("/memory/alloc/100")
        self.assertEqual((response.status, response.body.strip()), (200, b"refused"))
        if self.GUEST == "probe":
            self.assert_problem(self.get("/memory/recurse"), 500, "E3001")

    def test_sizes(self):
        self.assertEqual(self.request("POST", "/body/echo", body=b"x" * 1024).status, 200)
        for body in (b"x" * 1025, iter([b"x" * 1000, b"x" * 25])):
            response = self.request("POST", "/body/drop-request", body=body)
            self.assertIn(response.status, (200, 413))
        self.assert_problem(self.request("POST", "/body/echo", body=b"x" * 1025), 413, "E1003")
        self.assertIn("(broken off)", broken_off(self.server, "/body/big/1"))
        self.server.wait_log(part="access", message="GET /body/big/1", code="E3005")

    def test_concurrency(self):
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(b"POST /one/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Content-Length: 4\r\n\r\nab")
            while b"ab" not in raw.buffer:
                self.assertTrue(raw.fill(), raw.buffer)
            self.assertEqual(self.get("/one/hello").status, 429)
            raw.send(b"cd")
            while raw.fill():
                pass
            self.assertIn(b"cd", raw.buffer)
        harness.wait_for(lambda: self.get("/one/hello").status == 200, "its turn")


class Sandboxes(harness.ServerTest):
    """More components than there are sandboxes (2048): refused, not queued for ever, not lost."""

    options = ("--threads", "2", "--memory", "6GiB")

    @classmethod
    def functions(cls, folder):
        for name in ("a", "b", "c"):
            folder.add(name, harness.component("probe"), '[limits]\nqueue-timeout = "100ms"\n')

    @unittest.skipIf(harness.SANITIZED, "the sandboxes are fewer")
    def test_too_many_for_the_server(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            self.skipTest(f"only {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        waiting = []
        for i in range(2400):
            raw = raw_http.RawConnection(self.server.port)
            self.addCleanup(raw.socket.close)
            raw.send(b"POST /%c/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Content-Length: 2\r\n\r\na" % b"abc"[i % 3])
            waiting.append(raw)
        # Who has a sandbox answers with what has come, and keeps it until the rest comes.
        for raw in waiting:
            while b"\r\n" not in raw.buffer:
                self.assertTrue(raw.fill(), raw.buffer)
        for raw in waiting:
            if raw.buffer.startswith(b"HTTP/1.1 200"):
                raw.send(b"b")
        answers = [raw.response() for raw in waiting]
        self.assertEqual({answer.status for answer in answers}, {200, 503})
        for answer in answers:
            if answer.status == 503:
                self.assert_problem(answer, 503, "E4005")
                self.assertTrue(answer.value("retry-after"))
            else:
                self.assertEqual(answer.body, b"ab")
        self.assertEqual(self.get("/a/hello").body, b"hello\n")


class Upstream(http.server.BaseHTTPRequestHandler):
    """What functions reach: /cut ends early, /big is much, all else says what was asked."""
    protocol_version = "HTTP/1.1"

    def begin(self, status, length):
        self.send_response(status)
        self.send_header("X-Upstream", "1")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def read_body(self):
        """Whole: what is left of it would be taken for the connection's next request."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_GET(self):  # pylint: disable=invalid-name
        body = self.read_body()
        try:
            if self.path == "/cut":
                self.begin(200, 10)
                self.wfile.write(b"abc")
                self.close_connection = True
            elif self.path == "/big":
                self.begin(200, 20 * MIB)
                for _ in range(20):
                    self.wfile.write(b"z" * MIB)
            else:
                said = f"{self.command} {self.path}\n{self.headers}".encode() + body
                self.begin(203, len(said))
                self.wfile.write(said)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Outbound(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        probe = harness.component("probe")
        cls.upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        cls.upstream.daemon_threads = True
        cls.addClassCleanup(cls.upstream.server_close)
        threading.Thread(target=cls.upstream.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.upstream.shutdown)
        cls.there = f"http://127.0.0.1:{cls.upstream.server_address[1]}"
        folder.add("probe", probe, f'allowed-outbound-hosts = ["{cls.there}"]\n')
        folder.add("none", probe)

    def ask(self, verb, url, function="probe", **more):
        query = urllib.parse.urlencode({"url": url, **more}, safe="/:")
        return f"/{function}/{verb}?{query}"

    def test_requests_arrive_as_they_were_made(self):
        text = self.get(self.ask("fetch", self.there + "/a", method="POST", body="hi",
                                 header="X-A:1")).text
        self.assertTrue(text.startswith("203\nPOST /a\n"), text)
        self.assertIn("x-a: 1\n", text)
        self.assertTrue(text.rstrip("\n").endswith("\nhi"), text)

    def test_what_is_not_allowed_is_denied(self):
        for url, function in (("http://127.0.0.1:1/", "probe"), (self.there + "/a", "none"),
                              ("http://localhost.invalid/", "probe")):
            text = self.get(self.ask("fetch", url, function)).text
            self.assertIn("http-request-denied", text, url)

    def test_answers_that_break_off(self):
        text = self.get(self.ask("fetch", self.there + "/cut")).text
        self.assertIn("broken off: http-response-incomplete", text)

    def test_a_proxy_streams_in_little_memory(self):
        self.get("/probe/hello")
        before = self.server.status_kb("VmRSS")
        for _ in range(5):
            response = self.get(self.ask("proxy", self.there + "/big"))
            self.assertEqual((response.status, len(response.body)), (200, 20 * MIB),
                             response.body[:300])
        if not harness.SANITIZED:
            self.assertLess(self.server.status_kb("VmRSS") - before, 32 << 10)

    def test_clients_of_a_proxy_that_go_away(self):
        path = self.ask("proxy", self.there + "/big").encode()
        before = len(self.server.log(part="access", code="E3006"))
        for _ in range(10):
            with raw_http.RawConnection(self.server.port, receive_buffer_bytes=4096) as raw:
                raw.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
                self.assertTrue(raw.fill())
                raw.reset()
        self.server.wait_log(count=before + 10, part="access", code="E3006")
        self.assertTrue(self.get(self.ask("fetch", self.there + "/a")).text.startswith("203\n"))


class Commands(harness.ServerTest):
    """wasi:cli/run behind the contract of commands, and wasi:config."""

    GUEST = "cli_command"

    @classmethod
    def functions(cls, folder):
        folder.add("cli", harness.component(cls.GUEST), '[limits]\ncpu = "200ms"\n'
                   '[environment]\nA = "configured"\n[files]\n"/data" = { tmpfs = "1MiB" }\n')
        folder.add("config", harness.component("config"), '[environment]\nA = "1"\nB = "2"\n')

    def test_a_command_speaks_as_a_core_module_does(self):
        response = self.request("POST", "/cli?run=echo", body=b"abc")
        self.assertEqual((response.status, response.body), (200, b"abc"))
        variables = self.get("/cli?run=env").text.splitlines()
        self.assertLessEqual({"A=configured", "REQUEST_METHOD=GET", "run=env"}, set(variables))
        self.assertEqual(self.get("/cli?run=args").body, b"cli\n")
        response = self.request("POST", "/cli?run=files", body=b"write a hello\nread a\n")
        self.assertEqual(response.text, 'write a hello -> ok\nread a -> ok "hello"\n')

    def test_its_ends(self):
        for run, status, code in (("exit,3", 500, "E3002"), ("fail", 500, "E3002"),
                                  ("trap", 500, "E3001"),
                                  ("spin", 504, "E4002")):
            with self.subTest(run):
                self.assert_problem(self.get(f"/cli?run={run}"), status, code)
        self.assertEqual(self.get("/cli?run=exit-ok").status, 200)
        self.assertEqual(len(self.get("/cli?run=fill,300000").body), 300000)

    def test_configuration(self):
        self.assertEqual(self.get("/config").text, "A=1\nB=2\n")
        self.assertEqual(self.get("/config?key=B").text, "2\n")


class Refused(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        folder.add("unknown", (COMPONENTS / "wat/unknown_import.wat").read_bytes())
        folder.add("empty", b"(component)")
        folder.add("fine", harness.wat("hello"))

    def test_unknown_imports_are_named_with_what_to_do(self):
        self.assert_problem(self.get("/unknown"), 503, "E2003")
        record = self.server.log(part="serve", message="function refused", function="unknown")[-1]
        self.assertIn("interface acme:thing/api@1.0.0", str(record))
        self.assertIn("wac plug", str(record))

    def test_one_that_exports_nothing(self):
        self.assert_problem(self.get("/empty"), 503, "E2004")
        self.assertEqual(self.get("/fine").status, 200)


if __name__ == "__main__":
    harness.main()
