#!/usr/bin/env python3
"""`instances = "reused"`: an instance that has answered takes the function's next request; one that
failed does not, nor does one of another function or version, and nothing that the guest kept of a
request reaches into the next one.
"""
import signal
import time
import unittest

import harness
import raw_http

REUSED = 'instances = "reused"\n'


class Counting:
    """What both versions of wasi:http must do; the classes below say which guest."""
    GUEST = ""
    options = ("--threads", "1")  # an instance belongs to a thread

    @classmethod
    def functions(cls, folder):
        kept = harness.component(cls.GUEST)
        folder.add("fresh", kept)
        folder.add("kept", kept, REUSED + '[limits]\ncpu = "100ms"\n')
        folder.add("other", kept, REUSED)
        folder.add("twice", kept, REUSED + "max-requests = 2\n")
        folder.add("briefly", kept, REUSED + 'max-idle = "50ms"\n')
        folder.add("changed", kept, REUSED)

    def counts(self, name, times):
        return [int(self.get(f"/{name}/count").text) for _ in range(times)]

    def begin_anew(self, name):
        """The next request meets a fresh instance."""
        self.get(f"/{name}/trap")

    def test_by_default_each_request_has_its_own(self):
        self.assertEqual(self.counts("fresh", 3), [1, 1, 1])

    def test_one_instance_serves_one_request_after_the_other(self):
        self.begin_anew("kept")
        self.assertEqual(self.counts("kept", 5), [1, 2, 3, 4, 5])

    def test_not_those_of_another_function(self):
        self.begin_anew("kept")
        self.begin_anew("other")
        self.assertEqual(self.counts("kept", 2), [1, 2])
        self.assertEqual(self.counts("other", 2), [1, 2])
        self.assertEqual(self.counts("kept", 1), [3])

    def test_for_so_many_requests(self):
        self.assertEqual(self.counts("twice", 5), [1, 2, 1, 2, 1])

    def test_for_so_long_without_one(self):
        self.assertEqual(self.counts("briefly", 1), [1])

        def begins_anew():
            time.sleep(0.2)
            return self.counts("briefly", 1) == [1]
        harness.wait_for(begins_anew, "an instance that was idle goes")

    def test_not_one_that_trapped(self):
        self.begin_anew("kept")
        self.assertEqual(self.counts("kept", 2), [1, 2])
        self.assert_problem(self.get("/kept/trap"), 500, "E3001")
        self.assertEqual(self.counts("kept", 2), [1, 2])

    def test_not_those_of_another_version(self):
        self.assertEqual(self.counts("changed", 2), [1, 2])
        module = harness.component(self.GUEST)
        # Another version of the same code: a custom section is added.
        self.server.folder.write("changed.wasm", module + b"\x00\x04\x01xyz")
        self.server.signal(signal.SIGHUP)
        harness.wait_for(lambda: self.counts("changed", 1) == [1], "the new version")
        self.assertEqual(self.counts("changed", 2), [2, 3])

    def test_several_at_once_have_one_each(self):
        self.begin_anew("other")
        connections = [raw_http.RawConnection(self.server.port) for _ in range(4)]
        for raw in connections:
            self.addCleanup(raw.socket.close)
            raw.send(b"GET /other/count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        total = sum(int(raw.response().body) for raw in connections)
        # Whoever was served at the same time had an instance of its own.
        self.assertGreaterEqual(total, 4)
        self.assertLessEqual(total, 10)


class Kept(Counting, harness.ServerTest):
    """WASI 0.2."""
    GUEST = "kept"

    def test_not_one_that_met_a_limit_or_ended_itself(self):
        for path, status in (("spin", 504), ("exit", 500)):
            self.begin_anew("kept")
            self.assertEqual(self.counts("kept", 2), [1, 2])
            self.assertEqual(self.get(f"/kept/{path}").status, status)
            self.assertEqual(self.counts("kept", 2), [1, 2])

    def test_what_was_kept_of_a_request_leads_nowhere(self):
        self.begin_anew("kept")
        response = self.request("POST", "/kept/hold", body=b"the first body")
        self.assertEqual(response.body, b"held\n")
        response = self.request("POST", "/kept/held", body=b"the second body")
        self.assertEqual(response.text, "read 0, written closed\n")
        self.assertEqual(self.counts("kept", 1), [3])
        self.assert_problem(self.get("/kept/held-request"), 500, "E3001")


class KeptConcurrent(Counting, harness.ServerTest):
    """WASI 0.3."""
    GUEST = "kept3"

    def test_not_one_that_keeps_a_stream(self):
        self.begin_anew("kept")
        self.assertEqual(self.counts("kept", 2), [1, 2])
        self.assertEqual(self.request("POST", "/kept/hold", body=b"x" * 1000).text, "3\n")
        self.assertEqual(self.counts("kept", 2), [1, 2])


class Commands(unittest.TestCase):
    def test_a_command_has_no_second_request(self):
        folder = harness.Folder()
        folder.add("hello", harness.wat("hello"), REUSED)
        with harness.Server.started(folder) as server:
            self.assertEqual(server.get("/hello").status, 503)
            record = server.log(part="serve", message="function refused", function="hello")[-1]
            self.assertIn("E6003", str(record))


if __name__ == "__main__":
    harness.main()
