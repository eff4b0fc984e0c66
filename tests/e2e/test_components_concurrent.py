#!/usr/bin/env python3
"""Components of WASI 0.3, against the real server: all that test_components.py asks of 0.2's, and
what only 0.3 has: work after the answer, streams handed on, several waits at once.

What the probe's paths answer stands in tests/components/godwit3.txt; GODWIT_RECORD=1 writes it
anew.
"""
import harness
import raw_http
import test_components as components
import transcript

REQUESTS = ([("GET", path, {}, None) for path in transcript.GET + transcript.GET_3]
            + transcript.OTHER + transcript.OTHER_3)


class Probe(components.Probe):
    GUEST = "probe3"
    RECORDED = components.COMPONENTS / "godwit3.txt"
    REQUESTS = REQUESTS

    def test_the_answer_does_not_wait_for_what_the_guest_does_afterwards(self):
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(b"GET /probe/sleep-after/2000 HTTP/1.1\r\nHost: x\r\n\r\n")
            while b"\r\n\r\n" not in raw.buffer:
                self.assertTrue(raw.fill())
            # The guest is still at it.
            self.assertEqual(self.server.log(part="access", message="GET /probe/sleep-after/2000"),
                             [])
        self.server.wait_log(part="access", message="GET /probe/sleep-after/2000", status="200")

    def test_a_trap_after_a_whole_answer_is_only_logged(self):
        response = self.get("/probe/trap-after")
        self.assertEqual(response.status, 200)
        self.server.wait_log(part="invocation", code="E3001",
                             request_id=response.value("x-request-id"))

    def test_a_guest_that_waits_for_itself_is_not_waited_for(self):
        self.assert_problem(self.get("/probe/no-answer"), 500, "E3001")

    def test_failures_before_the_head_are_problems(self):
        for path, code in (("/trap", "E3001"), ("/exit/1", "E3002"), ("/exit/0", "E3007"),
                           ("/content-length-short", "E3008"), ("/error", "E3009")):
            with self.subTest(path):
                self.assert_problem(self.get("/probe" + path), 500, code)

    def test_a_connection_is_used_again_whatever_came_before(self):
        for path in ("/hello", "/trap", "/error", "/drop-body/0", "/empty/204", "/hello") * 3:
            response = self.get("/probe" + path)
            if path == "/hello":
                self.assertEqual((response.status, response.body), (200, b"hello\n"))


class Streams(components.Streams):
    GUEST = "probe3"


class Limits(components.Limits):
    GUEST = "probe3"

    @classmethod
    def functions(cls, folder):
        super().functions(folder)
        for name in ("stream_never_read", "streams_for_ever"):
            folder.add(name, (components.COMPONENTS / f"wat/{name}.wat").read_bytes(),
                       '[limits]\ntimeout = "2s"\ncpu = "1s"\n')

    def test_waits_that_nothing_ends(self):
        self.assert_problem(self.get("/stream_never_read"), 500, "E3001")

    def test_streams_without_end_are_bounded(self):
        before = self.server.status_kb("VmRSS")
        for _ in range(5):
            response = self.get("/streams_for_ever")
            self.assertIn(response.status, (500, 504), response)
        if not harness.SANITIZED:
            self.assertLess(self.server.status_kb("VmRSS") - before, 32 << 10, "KiB more")


class Commands(components.Commands):
    GUEST = "cli3"


class TwoVersions(harness.ServerTest):
    """A component with handlers of both: the newer one answers."""

    @classmethod
    def functions(cls, folder):
        folder.add("both", harness.component("both"))

    def test_the_newer_one_answers(self):
        self.assertEqual(self.get("/both").text.strip(), "0.3")


if __name__ == "__main__":
    harness.main()
