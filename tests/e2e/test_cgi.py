#!/usr/bin/env python3
"""`response = "cgi"`: the header block that a function prints before its body (RFC 3875)."""
import time
import unittest

import harness
import raw_http
from harness import steps


class Cgi(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("cgi", probe, 'response = "cgi"\n')
        folder.add("typed", probe, 'response = "cgi"\ncontent-type = "text/css"\n')
        text = "Content-Type: text/plain\\n" + "A: 1\\n" * 1000 + "\\nbody"
        folder.add("many", probe, f'response = "cgi"\narguments = ["print {text}"]\n')

    def printed(self, text, *more):
        """The response to a function that prints `text` in one piece, then does more."""
        return self.get("/cgi?" + steps("print " + text, *more))

    def test_status_and_fields(self):
        response = self.printed("Status: 201 Made\nContent-Type: application/json\nX-A: 1\n\n{}\n")
        self.assertEqual((response.status, response.body), (201, b"{}\n"))
        self.assertEqual(response.value("content-type"), "application/json")
        self.assertEqual(response.value("x-a"), "1")
        self.assertEqual(response.value("content-length"), "3")
        self.assertIsNone(response.value("status"))

    def test_lines_may_end_with_crlf(self):
        response = self.printed("Content-Type: text/x\r\nX-A:  spaced \t\r\n\r\nbody\r\n")
        self.assertEqual((response.status, response.body), (200, b"body\r\n"))
        self.assertEqual(response.value("x-a"), "spaced")

    def test_location_is_a_redirect(self):
        response = self.printed("Location: /elsewhere?a=b\n\n")
        self.assertEqual((response.status, response.value("location")), (302, "/elsewhere?a=b"))
        response = self.printed("Status: 307\nLocation: https://example.org/x\n\n")
        self.assertEqual((response.status, response.value("location")),
                         (307, "https://example.org/x"))

    def test_order_and_duplicates_are_kept(self):
        response = self.printed("Content-Type: text/plain\nSet-Cookie: a=1; Path=/\nX-Z: 1\n"
                                "Set-Cookie: b=2\nX-A: 2\nX-Z: 3\n\n")
        mine = [field for field in response.fields if field[0] in ("Set-Cookie", "X-Z", "X-A")]
        self.assertEqual(mine, [("Set-Cookie", "a=1; Path=/"), ("X-Z", "1"), ("Set-Cookie", "b=2"),
                                ("X-A", "2"), ("X-Z", "3")])

    def test_framing_is_ours(self):
        response = self.printed("Content-Type: text/plain\nContent-Length: 99999\nConnection: x\n"
                                "Transfer-Encoding: chunked\nKeep-Alive: 1\nUpgrade: h2c\n"
                                "X-Request-Id: forged\n\nbody")
        self.assertEqual((response.status, response.body), (200, b"body"))
        self.assertEqual(response.values("content-length"), ["4"])
        for name in ("transfer-encoding", "keep-alive", "upgrade"):
            self.assertEqual(response.values(name), [], name)
        self.assertEqual(len(response.values("x-request-id")), 1)
        self.assertNotEqual(response.value("x-request-id"), "forged")

    def test_statuses_without_a_body(self):
        with raw_http.RawConnection(self.server.port) as raw:
            for status in (204, 304, 205):
                with self.subTest(status):
                    query = steps(f"print Status: {status}\nX-A: 1\n\nthis must not be sent")
                    response = raw.exchange(raw_http.get("/cgi?" + query), to_head=True)
                    self.assertEqual((response.status, response.value("x-a")), (status, "1"))
                    self.assertIsNone(response.value("transfer-encoding"))
            query = steps("print Status: 200\n\nbody")
            self.assertEqual(raw.exchange(raw_http.get("/cgi?" + query)).body, b"body")

    def test_what_is_no_header_block(self):
        for text in ("", "just text", "just text\n", "X-A: 1\n", "Content-Type: text/plain\n",
                     "\nbody", "X-A: 1\n\nbody", "Status: 20\n\n", "Status: abc\n\n",
                     "Status: 2000\n\n", "Status: 100 Continue\n\n", "Status: 999\n\n",
                     "Status: 200\nStatus: 200\n\n", "Status: -20\n\n",
                     "Content-Type: a/b\nContent-Type: a/b\n\n", "Location: /a\nLocation: /b\n\n",
                     "Content-Type: text/plain\nno colon\n\n", "Content-Type: text/plain\n: x\n\n",
                     "Content-Type: text/plain\nX A: 1\n\n", "Content-Type : text/plain\n\n",
                     "Content-Type: text/plain\nX-A: a\rb\n\n",
                     "Content-Type: text/plain\n folded: 1\n\n",
                     "Content-Type: text/plain\nX-A: 1\x7f\n\n"):
            with self.subTest(text):
                self.assert_problem(self.printed(text), 500, "E3004")

    def test_a_nul_in_a_value(self):
        query = steps("print Content-Type: text/plain\nX-A: ", "hex 00", "print \n\n")
        self.assert_problem(self.get("/cgi?" + query), 500, "E3004")

    def test_response_splitting(self):
        """Nothing that a function prints in a value starts another response."""
        query = steps("print Status: 200\nX-A: 1\r\rHTTP/1.1 200 OK\n\nbody")
        self.assert_problem(self.get("/cgi?" + query), 500, "E3004")

    def test_a_block_that_is_too_long(self):
        query = steps("print Content-Type: text/plain\nX-A: ", "fill 20000", "print \n\nbody")
        self.assert_problem(self.get("/cgi?" + query), 500, "E3004")

    def test_too_many_fields(self):
        self.assert_problem(self.get("/many"), 500, "E3004")

    def test_a_block_in_pieces(self):
        response = self.get("/cgi?" + steps("print Content-", "sleep 30", "print Type: text/x\r",
                                            "sleep 30", "print \n\r", "print \nbody"))
        self.assertEqual((response.status, response.body), (200, b"body"))
        self.assertEqual(response.value("content-type"), "text/x")

    def test_a_failure_after_the_block(self):
        self.assert_problem(self.printed("Status: 200\n\nlost", "exit 1"), 500, "E3002")

    def test_the_status_of_a_failure_is_not_the_functions(self):
        self.assert_problem(self.printed("Status: 404\n\n", "trap"), 500, "E3001")

    def test_the_content_type_of_the_settings_is_for_those_who_print_none(self):
        response = self.get("/typed?" + steps("print Content-Type: text/x\n\n"))
        self.assertEqual(response.values("content-type"), ["text/x"])

    def test_the_body_streams(self):
        query = steps("print Content-Type: text/x\n\nfirst", "sleep 400", "print second")
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(raw_http.get("/cgi?" + query))
            head = raw.head()
            self.assertEqual(head.value("transfer-encoding"), "chunked")
            self.assertEqual(raw.chunk(), b"first")
            first_at = time.monotonic()
            self.assertEqual(raw.chunk(), b"second")
            self.assertGreater(time.monotonic() - first_at, 0.1)
            self.assertEqual(raw.chunk(), b"")

    def test_a_large_body(self):
        response = self.get("/cgi?" + steps("print Content-Type: text/x\n\n", "fill 3000000"))
        self.assertEqual(response.body, b"0123456789" * 300000)


if __name__ == "__main__":
    harness.main()
