#!/usr/bin/env python3
"""HTTP/1.1 byte for byte: framing, connections, refusals, clients that go away."""
import time
import unittest

import harness
import raw_http
from harness import steps
from raw_http import get, post

HELLO = b"hello\n"


class HttpTest(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))
        folder.add("sleep", harness.wat("sleep"))
        folder.add("probe", harness.c_guest("probe"))
        folder.add("small", harness.c_guest("probe"), '[limits]\nrequest-body = "1000B"\n')

    def connect(self, **keywords):
        raw = raw_http.RawConnection(self.server.port, **keywords)
        self.addCleanup(raw.socket.close)
        return raw


class Connections(HttpTest):
    def test_keep_alive(self):
        raw = self.connect()
        for _ in range(20):
            response = raw.exchange(get("/hello"))
            self.assertEqual((response.status, response.body), (200, HELLO))
            self.assertIsNone(response.value("connection"))

    def test_pipelining(self):
        raw = self.connect()
        paths = [f"/probe?{steps(f'print answer {i}')}" for i in range(10)]
        raw.send(b"".join(get(path) for path in paths))
        bodies = [raw.response().body for _ in paths]
        self.assertEqual(bodies, [f"answer {i}".encode() for i in range(10)])

    def test_pipelining_with_bodies_and_waits(self):
        raw = self.connect()
        raw.send(b"".join([post("/probe?" + steps("sleep 50", "cat"), b"first"), get("/hello"),
                           post("/probe?" + steps("print unread"), b"x" * 5000),
                           get("/sleep?ms=30"), post("/probe?" + steps("cat"), b"last")]))
        self.assertEqual([raw.response().body for _ in range(5)],
                         [b"first", HELLO, b"unread", b"slept\n", b"last"])

    def test_a_byte_at_a_time(self):
        raw = self.connect()
        for byte in post("/probe?" + steps("cat"), b"slowly"):
            raw.send(bytes([byte]))
        self.assertEqual(raw.response().body, b"slowly")

    def test_close_is_honoured(self):
        raw = self.connect()
        response = raw.exchange(get("/hello", "Connection: close"))
        self.assertEqual((response.body, response.value("connection")), (HELLO, "close"))
        self.assertTrue(raw.at_end())

    def test_nothing_after_close_is_answered(self):
        raw = self.connect()
        raw.send(get("/hello", "Connection: close") + get("/hello"))
        self.assertEqual(raw.response().body, HELLO)
        self.assertTrue(raw.at_end())

    def test_empty_lines_before_a_request(self):
        raw = self.connect()
        self.assertEqual(raw.exchange(b"\r\n" + get("/hello")).body, HELLO)

    def test_http_1_0(self):
        raw = self.connect()
        response = raw.exchange(b"GET /hello HTTP/1.0\r\n\r\n")
        self.assertEqual((response.status, response.body), (200, HELLO))
        self.assertEqual(response.value("connection"), "close")
        self.assertTrue(raw.at_end())

    def test_http_1_0_keep_alive(self):
        raw = self.connect()
        request = b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        for _ in range(3):
            response = raw.exchange(request)
            self.assertEqual((response.body, response.value("connection")), (HELLO, "keep-alive"))

    def test_http_1_0_has_no_chunks(self):
        raw = self.connect()
        query = steps("print one", "sleep 50", "print two")
        response = raw.exchange(f"GET /probe?{query} HTTP/1.0\r\n\r\n".encode())
        self.assertIsNone(response.value("transfer-encoding"))
        self.assertIsNone(response.value("content-length"))
        self.assertEqual(response.body, b"onetwo")

    def test_http_1_0_sees_that_an_answer_is_not_whole(self):
        """Only a reset tells it from an end."""
        raw = self.connect()
        query = steps("print one", "sleep 50", "trap")
        with self.assertRaises(raw_http.Truncated):
            raw.exchange(f"GET /probe?{query} HTTP/1.0\r\n\r\n".encode())

    def test_a_half_closed_client_gets_its_answer(self):
        for request in (get("/sleep?ms=100"), get("/hello"),
                        post("/probe?" + steps("sleep 50", "cat"), b"body")):
            raw = self.connect()
            raw.send(request)
            raw.half_close()
            self.assertEqual(raw.response().status, 200)
            self.assertTrue(raw.at_end())

    def test_a_half_closed_pipeline(self):
        raw = self.connect()
        raw.send(get("/sleep?ms=50") + get("/hello") + get("/hello"))
        raw.half_close()
        self.assertEqual([raw.response().body for _ in range(3)], [b"slept\n", HELLO, HELLO])

    def test_every_response_has_a_date(self):
        raw = self.connect()
        for path in ("/hello", "/none"):
            self.assertRegex(raw.exchange(get(path)).value("date"),
                             r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")


class Bodies(HttpTest):
    CAT = "/probe?" + steps("cat")
    HASH = "/probe?" + steps("hash")

    def chunked(self, payload, *fields, path=CAT):
        lines = [f"POST {path} HTTP/1.1", "Host: test", "Transfer-Encoding: chunked", *fields]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload

    def test_chunks(self):
        raw = self.connect()
        payload = b"5\r\nhello\r\n00A;name=value;x=\"q\"\r\n world, 10\r\n0\r\nX-Trailer: 1\r\n\r\n"
        self.assertEqual(raw.exchange(self.chunked(payload)).body, b"hello world, 10")
        self.assertEqual(raw.exchange(get("/hello")).body, HELLO)

    def test_chunks_a_byte_at_a_time(self):
        raw = self.connect()
        for byte in self.chunked(b"3\r\nabc\r\n2;e\r\nde\r\n0\r\n\r\n"):
            raw.send(bytes([byte]))
        self.assertEqual(raw.response().body, b"abcde")

    def test_a_malformed_chunk_in_the_middle(self):
        """The function is ended, the client is told, the connection closes."""
        for bad in (b"zz\r\n", b"-1\r\nx\r\n", b"3\r\nabcd\r\n", b"ffffffffffffffffff\r\n", b"\r\n",
                    b"3 \r\nabc\r\n", b"0x3\r\nabc\r\n", b"3\nabc\n"):
            with self.subTest(bad):
                raw = self.connect()
                response = raw.exchange(self.chunked(b"5\r\nhello\r\n" + bad,
                                                     path=self.HASH))
                self.assert_problem(response, 400, "E1001")
                self.assertEqual(response.value("connection"), "close")
                self.assertTrue(raw.at_end())

    def test_a_malformed_chunk_after_the_answer_began(self):
        raw = self.connect()
        raw.send(self.chunked(b"5\r\nhello\r\n"))
        self.assertEqual(raw.head().status, 200)  # cat has written and waits
        self.assertEqual(raw.chunk(), b"hello")
        raw.send(b"zz\r\n")
        with self.assertRaises((EOFError, ConnectionResetError)):
            while raw.chunk():
                pass

    def test_a_body_that_ends_early(self):
        raw = self.connect()
        raw.send(post(self.HASH, b"x" * 100)[:-10])
        raw.half_close()
        self.assert_problem(raw.response(), 400, "E1001")
        self.assertTrue(raw.at_end())

    def test_expect_continue(self):
        raw = self.connect()
        raw.send(post(self.CAT, b"later", "Expect: 100-continue")[:-5])
        self.assertEqual(raw.head().status, 100)
        raw.send(b"later")
        self.assertEqual(raw.response().body, b"later")
        self.assertEqual(raw.exchange(get("/hello")).body, HELLO)

    def test_expect_continue_is_refused_before_the_body(self):
        for path, status in (("/small", 413), ("/none", 404)):
            with self.subTest(path):
                raw = self.connect()
                request = post(path, b"x" * 2000, "Expect: 100-continue")
                raw.send(request[:-2000])
                self.assertEqual(raw.response().status, status)

    def test_another_expectation(self):
        raw = self.connect()
        raw.send(post(self.CAT, b"", "Expect: the-unexpected"))
        self.assert_problem(raw.response(), 417, "E1011")

    def test_too_large_by_its_length(self):
        raw = self.connect()
        raw.send(post("/small?" + steps("cat"), b"x" * 1001))
        self.assert_problem(raw.response(), 413, "E1003")
        self.assertEqual(raw.exchange(get("/hello")).body, HELLO)

    def test_much_too_large_by_its_length(self):
        """Nothing of it needs to be sent to hear that."""
        raw = self.connect()
        raw.send(b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000000\r\n\r\n")
        self.assert_problem(raw.response(), 413, "E1003")

    def test_too_large_in_chunks(self):
        raw = self.connect()
        chunk = b"64\r\n" + b"x" * 100 + b"\r\n"
        path = "/small?" + steps("cat")
        self.assertEqual(len(raw.exchange(self.chunked(chunk * 10 + b"0\r\n\r\n", path=path)).body),
                         1000)
        raw.send(self.chunked(chunk * 10, path="/small?" + steps("sleep 5", "hash")))
        raw.send(b"1\r\nx\r\n0\r\n\r\n")
        self.assert_problem(raw.response(), 413, "E1003")

    def test_an_answer_before_the_whole_body(self):
        """The function does not read; the client sends on, and uses the connection again."""
        raw = self.connect()
        body = b"x" * 100_000
        raw.send(post("/probe?" + steps("print early"), body)[:-50_000])
        self.assertEqual(raw.response().body, b"early")
        raw.send(body[:50_000] + get("/hello"))
        self.assertEqual(raw.response().body, HELLO)


class Refusals(HttpTest):
    BAD = [
        b"GET /hello HTTP/1.1\r\n\r\n",  # no Host
        b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /hello HTTP/1.1\nHost: x\n\n",
        b"GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hello\r\n\r\n",
        b"GET /hello http/1.1\r\nHost: x\r\n\r\n",
        b"GET hello HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /he#llo HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /h\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\x00T /hello HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nA : 1\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\n folded: 1\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nA: 1\r\n 2\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST /hello HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    ]

    def assert_refused(self, request, status, code):
        """One answer, then the connection closes, and nothing after it is taken for a request."""
        raw = self.connect()
        raw.send(request + get("/hello"))
        response = raw.response()
        self.assert_problem(response, status, code)
        self.assertEqual(response.value("connection"), "close")
        self.assertTrue(raw.at_end())

    def test_what_is_not_http(self):
        for request in self.BAD:
            with self.subTest(request):
                self.assert_refused(request, 400, "E1001")

    def test_other_versions_and_codings(self):
        self.assert_refused(b"GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", 505, "E1010")
        self.assert_refused(b"POST /hello HTTP/1.1\r\nHost: x\r\n"
                            b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "E1009")

    def test_methods_that_are_not_for_us(self):
        for request in (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n"):
            self.assert_refused(request, 405, "E1012")

    def test_405_names_the_methods(self):
        """RFC 9110 section 15.5.6: Allow must be there; and our own text points at it."""
        response = self.connect().exchange(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn("GET", response.value("allow") or "")

    def test_the_target_is_too_long(self):
        self.assertEqual(self.get("/hello?" + "x" * 8000).status, 200)
        self.assert_refused(get("/hello?" + "x" * 9000), 414, "E1004")

    def test_the_fields_are_too_long_or_too_many(self):
        self.assertEqual(self.connect().exchange(get("/hello", "A: " + "x" * 30000)).status, 200)
        for fields in (["A: " + "x" * 40000], [f"A{i}: x" for i in range(200)],
                       ["B" * 40000 + ": 1"]):
            self.assert_refused(get("/hello", *fields), 431, "E1005")

    def test_a_head_without_end(self):
        """It is refused when it is too long; nothing waits for its end."""
        raw = self.connect()
        raw.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n" + b"A: 1\r\n" * 20000)
        self.assertEqual(raw.response().status, 431)


class ClientsThatGoAway(HttpTest):
    def wait_access(self, before):
        def found():
            records = self.server.log(part="access", function="sleep")
            return records[before:]
        return harness.wait_for(found, "the access record")[0]

    def test_a_reset_ends_a_sleeping_guest(self):
        before = len(self.server.log(part="access", function="sleep"))
        raw = self.connect()
        raw.send(get("/sleep?ms=20000"))
        time.sleep(0.2)
        raw.reset()
        record = self.wait_access(before)
        self.assertEqual((record["code"], record["complete"]), ("E3006", "false"))
        self.assertLess(float(record["ms"]), 15000)

    def test_a_client_that_closes_while_the_answer_streams(self):
        raw = self.connect()
        raw.send(get("/probe?" + steps("fill 60000000 4096 1", "sleep 20000")))
        head = raw.head()
        raw.chunk()
        raw.socket.close()
        record = self.server.access(head)
        self.assertEqual((record["code"], record["complete"]), ("E3006", "false"))

    def test_slow_heads(self):
        """10 s from the first byte to the end of the head, however slowly it trickles."""
        half, trickle = self.connect(), self.connect()
        half.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n")
        begun = time.monotonic()
        trickle.send(b"GET /hello HTTP/1.1\r\nA: ")
        while not harness.is_readable(trickle.socket, 0.5):
            self.assertLess(time.monotonic() - begun, harness.PATIENCE_S)
            trickle.send(b"x")
        for raw in (half, trickle):
            response = raw.response()
            self.assert_problem(response, 408, "E1002")
            self.assertTrue(raw.at_end())
        self.assertGreater(time.monotonic() - begun, 5)

    def test_many_clients_that_say_nothing(self):
        silent = [self.connect() for _ in range(200)]
        self.assertEqual(self.get("/hello").body, HELLO)
        for raw in silent:
            raw.socket.close()
        self.assertEqual(self.get("/hello").body, HELLO)


if __name__ == "__main__":
    harness.main()
