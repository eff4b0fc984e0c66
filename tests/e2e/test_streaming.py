#!/usr/bin/env python3
"""Bodies that stream, both ways, in bounded memory; what is said when they can't end well."""
import threading
import time
import unittest

import harness
import raw_http
from harness import steps
from raw_http import get

DIGITS = b"0123456789"
MIB = 1 << 20


def fnv(data):
    """64-bit FNV-1a, as the probe's `hash` prints it."""
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{len(data)} {value:016x}\n".encode()


class StreamTest(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("probe", probe)
        folder.add("large", probe, '[limits]\nresponse-body = "200MiB"\nrequest-body = "50MiB"\n'
                                   'timeout = "120s"\ncpu = "60s"\n')
        folder.add("short", probe, '[limits]\nresponse-body = "100KiB"\n')
        folder.add("tiny", probe, '[limits]\nresponse-body = "1000B"\n')
        folder.add("quiet", probe, '[limits]\nlog = "1KiB"\n')
        folder.add("hurried", probe, '[limits]\ntimeout = "1500ms"\nresponse-body = "1GiB"\n')

    def connect(self, **keywords):
        raw = raw_http.RawConnection(self.server.port, **keywords)
        self.addCleanup(raw.socket.close)
        return raw


class Responses(StreamTest):
    def test_they_come_as_they_are_written(self):
        """The function waits for longer than this test does, had it to wait for the end."""
        raw = self.connect()
        raw.send(get("/probe?" + steps("print three ", "sleep 100", "print two ", "sleep 100",
                                       "print one", "sleep 25000")))
        head = raw.head()
        self.assertEqual((head.status, head.value("transfer-encoding")), (200, "chunked"))
        self.assertIsNone(head.value("content-length"))
        self.assertEqual([raw.chunk() for _ in range(3)], [b"three ", b"two ", b"one"])
        raw.reset()
        self.assertLess(float(self.server.access(head)["ms"]), 20000)

    def test_what_ends_before_has_a_length(self):
        response = self.get("/probe?" + steps("fill 1000", "fill 15000"))
        self.assertEqual(response.values("content-length"), ["16000"])
        self.assertIsNone(response.value("transfer-encoding"))
        self.assertEqual(response.body, DIGITS * 1600)

    def test_a_failure_before_the_head_is_a_clean_one(self):
        """16 KiB may be buffered before the head has to go out."""
        for size in (0, 1, 16383):
            with self.subTest(size):
                response = self.get("/probe?" + steps(f"fill {size}", "trap"))
                self.assert_problem(response, 500, "E3001")

    def test_a_failure_after_the_head_is_visible(self):
        for each, code in ((["fill 20000", "trap"], "E3001"), (["fill 20000", "exit 3"], "E3002"),
                           (["print a", "sleep 50", "trap"], "E3001")):
            with self.subTest(each):
                raw = self.connect()
                raw.send(get("/probe?" + steps(*each)))
                with self.assertRaises(raw_http.Truncated) as caught:
                    raw.response()
                cut = caught.exception.response
                self.assertEqual(cut.status, 200)
                record = self.server.access(cut)
                self.assertEqual((record["code"], record["complete"], record["status"]),
                                 (code, "false", "200"))

    def test_clients_of_a_library_see_the_failure_too(self):
        response = self.get("/probe?" + steps("fill 20000", "trap"))
        self.assertFalse(response.complete)

    def test_a_large_one_to_a_slow_reader(self):
        """100 MB in flight cost the server next to nothing, and the guest is held back."""
        self.get("/large?" + steps("fill 1000000"))  # whatever is allocated once
        before_kb = self.server.status_kb("VmRSS")
        raw = self.connect(receive_buffer_bytes=65536)
        size = 100_000_000
        raw.send(get("/large?" + steps(f"fill {size}")))
        self.assertEqual(raw.head().status, 200)
        received, worst_kb, next_look = 0, 0, 0
        while chunk := raw.chunk():
            self.assertEqual(chunk[:10], (DIGITS * 2)[received % 10:][:min(10, len(chunk))])
            received += len(chunk)
            if received >= next_look:
                next_look += 5_000_000
                time.sleep(0.02)
                worst_kb = max(worst_kb, self.server.status_kb("VmRSS"))
        self.assertEqual(received, size)
        if not harness.SANITIZED:
            self.assertLess(worst_kb - before_kb, 20_000)

    def test_a_reader_that_stops_holds_the_guest(self):
        raw = self.connect(receive_buffer_bytes=65536)
        raw.send(get("/large?" + steps("error begun", "fill 50000000", "error written")))
        request_id = raw.head().value("x-request-id")
        self.server.wait_log(part="guest", message="begun", request_id=request_id)
        time.sleep(0.5)
        self.assertEqual(self.server.log(part="guest", message="written", request_id=request_id),
                         [])
        while raw.chunk():
            pass
        self.server.wait_log(part="guest", message="written", request_id=request_id)

    def test_the_deadline_counts_for_slow_readers(self):
        raw = self.connect(receive_buffer_bytes=65536)
        raw.send(get("/hurried?" + steps("fill 500000000")))
        head = raw.head()
        record = self.server.access(head)  # while nothing is read
        self.assertEqual((record["code"], record["complete"]), ("E4003", "false"))

    def test_the_response_limit(self):
        fits = self.get("/short?" + steps("fill 102400"))
        self.assertEqual((fits.status, len(fits.body), fits.complete), (200, 102400, True))
        self.assert_problem(self.get("/tiny?" + steps("fill 1001")), 500, "E3005")
        self.assertEqual(len(self.get("/tiny?" + steps("fill 1000")).body), 1000)
        over = self.get("/short?" + steps("fill 102401"))
        self.assertEqual((over.status, over.complete), (200, False))
        self.assertLessEqual(len(over.body), 102400)
        self.assertEqual(self.server.access(over)["code"], "E3005")


class Requests(StreamTest):
    def test_a_large_one_to_a_slow_function(self):
        """The function reads 64 KiB at a time and waits: the client is held back, not buffered."""
        body = bytes(range(251)) * (20 * MIB // 251)
        self.request("POST", "/large?" + steps("hash"), body=body[:MIB])
        before_kb = self.server.status_kb("VmRSS")
        worst_kb, done = 0, threading.Event()
        answers = []
        sender = threading.Thread(target=lambda: (answers.append(self.request(
            "POST", "/large?" + steps("hash 65536 3"), body=body)), done.set()), daemon=True)
        sender.start()
        until = time.monotonic() + 2 * harness.PATIENCE_S
        while not done.wait(0.02):
            self.assertLess(time.monotonic(), until, "the upload does not end")
            worst_kb = max(worst_kb, self.server.status_kb("VmRSS"))
        self.assertEqual(answers[0].body, fnv(body))
        if not harness.SANITIZED:
            self.assertLess(worst_kb - before_kb, 10_000)

    def test_an_upload_in_small_chunks(self):
        pieces = [bytes([i % 256]) * (i % 700 + 1) for i in range(2000)]
        response = self.request("POST", "/large?" + steps("hash"), body=iter(pieces))
        self.assertEqual(response.body, fnv(b"".join(pieces)))

    def test_both_ways_at_once(self):
        """An echo whose client reads only after it has sent a part that fits no buffer."""
        raw = self.connect()
        body = bytes(range(256)) * 4096 * 8
        head = (f"POST /large?{steps('cat')} HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        sender = threading.Thread(target=lambda: raw.send(head + body), daemon=True)
        sender.start()
        response = raw.response()
        sender.join(harness.PATIENCE_S)
        self.assertEqual(response.body, body)

    def test_a_slow_client_wakes_the_function(self):
        raw = self.connect()
        raw.send(f"POST /probe?{steps('cat')} HTTP/1.1\r\nHost: x\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n".encode())
        for number, piece in enumerate((b"ping", b"pong", b"bye")):
            raw.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if number == 0:
                self.assertEqual(raw.head().status, 200)
            self.assertEqual(raw.chunk(), piece)
        raw.send(b"0\r\n\r\n")
        self.assertEqual(raw.chunk(), b"")


class Logs(StreamTest):
    def guest_lines(self, response):
        self.server.access(response)  # the last line of a request
        request_id = response.value("x-request-id")
        return [record["message"] for record in
                self.server.log(part="guest", request_id=request_id)]

    def test_lines_of_stderr(self):
        response = self.get("/probe?" + steps("error first", "error second line", "error"))
        self.assertEqual(self.guest_lines(response), ["first", "second line", ""])

    def test_lines_are_harmless(self):
        response = self.get("/probe?" + steps("error a\x1b[31mb\rc\x07 \u00e9\tx"))
        (line,) = self.guest_lines(response)
        self.assertNotRegex(line, "[\x00-\x08\x0a-\x1f]")
        self.assertIn("\u00e9\tx", line)

    def test_lines_come_while_the_function_runs(self):
        raw = self.connect()
        raw.send(get("/probe?" + steps("error now", "sleep 20000")))
        self.server.wait_log(part="guest", message="now")
        raw.reset()

    def test_the_log_limit(self):
        response = self.get("/quiet?" + steps("errors 100 49", "print fine"))
        self.assertEqual(response.body, b"fine")
        lines = self.guest_lines(response)
        self.assertEqual(lines[:20], ["e" * 49] * 20)
        self.assertLess(len(lines), 25)
        self.assertIn("limit", lines[-1])

    def test_the_default_log_limit(self):
        response = self.get("/probe?" + steps("errors 3000 99", "print fine"))
        self.assertEqual(response.body, b"fine")
        written = sum(len(line) + 1 for line in self.guest_lines(response))
        self.assertGreater(written, 60 << 10)
        self.assertLess(written, 70 << 10)


if __name__ == "__main__":
    harness.main()
