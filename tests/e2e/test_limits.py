#!/usr/bin/env python3
"""Limits: what exceeds them ends, what does not is not disturbed."""
import resource
import threading
import time
import unittest

import harness
import raw_http
from harness import steps
from raw_http import get

HELLO = b"hello\n"


class Background:
    """A request in a thread of its own."""

    def __init__(self, server, path, **keywords):
        self.response = None
        self.thread = threading.Thread(target=self._run, args=(server, path, keywords),
                                       daemon=True)
        self.thread.start()

    def _run(self, server, path, keywords):
        self.response = server.get(path, **keywords)

    @property
    def done(self):
        return not self.thread.is_alive()

    def join(self):
        self.thread.join(2 * harness.PATIENCE_S)
        if self.response is None:
            raise AssertionError("no answer")
        return self.response


class OneThread(harness.ServerTest):
    """What one worker can do to itself."""

    options = ("--threads", "1")

    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))
        folder.add("spin", harness.wat("spin"), '[limits]\ncpu = "25s"\n')
        folder.add("spin-short", harness.wat("spin"), '[limits]\ncpu = "50ms"\n')
        folder.add("spin-late", harness.wat("spin"), '[limits]\ntimeout = "200ms"\n')
        folder.add("sleep", harness.wat("sleep"))
        folder.add("sleep-late", harness.wat("sleep"), '[limits]\ntimeout = "200ms"\n')
        folder.add("big", harness.wat("hello").replace(b'(export "memory") 1)',
                                                       b'(export "memory") 1000)'))
        folder.add("too-big", harness.wat("hello").replace(b'(export "memory") 1)',
                                                           b'(export "memory") 3000)'))

    def test_an_endless_loop_disturbs_nobody(self):
        """Twenty requests are answered while it runs on the only thread."""
        with raw_http.RawConnection(self.server.port) as spin:
            spin.send(get("/spin"))
            time.sleep(0.2)
            for _ in range(20):
                self.assertEqual(self.get("/hello").body, HELLO)
            self.assertFalse(harness.is_readable(spin.socket, 0),
                             "the loop ended before the others were answered")
            spin.reset()
        record = self.server.wait_log(part="access", function="spin")
        self.assertEqual((record["code"], record["complete"]), ("E3006", "false"))

    def test_several_endless_loops(self):
        loops = [Background(self.server, "/spin-short") for _ in range(5)]
        self.assertEqual(self.get("/hello").body, HELLO)
        for loop in loops:
            self.assert_problem(loop.join(), 504, "E4002")

    def test_cpu_time_is_charged(self):
        response = self.get("/spin-short")
        self.assert_problem(response, 504, "E4002")
        self.assertGreaterEqual(int(self.server.access(response)["cpu_us"]), 50_000)

    def test_the_deadline_of_a_sleeper(self):
        response = self.get("/sleep-late?ms=20000")
        self.assert_problem(response, 504, "E4003")
        self.assertLess(float(self.server.access(response)["ms"]), 15_000)
        self.assertEqual(self.get("/sleep-late?ms=10").body, b"slept\n")

    def test_the_deadline_of_a_loop(self):
        self.assert_problem(self.get("/spin-late"), 504, "E4003")

    def test_sleeping_costs_no_cpu_time(self):
        response = self.get("/sleep?ms=500")
        self.assertEqual(response.body, b"slept\n")
        self.assertLess(int(self.server.access(response)["cpu_us"]), 400_000)

    def test_sleepers_sleep_side_by_side(self):
        """One after another they would need a minute."""
        begun = time.monotonic()
        sleepers = [Background(self.server, "/sleep?ms=1000") for _ in range(60)]
        self.assertEqual({sleeper.join().body for sleeper in sleepers}, {b"slept\n"})
        self.assertLess(time.monotonic() - begun, 25)

    def test_the_initial_memory_counts(self):
        self.assertEqual(self.get("/big").body, HELLO)
        self.assert_problem(self.get("/too-big"), 503, "E2011")


class Queues(harness.ServerTest):
    options = ("--threads", "2")

    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("hello", harness.wat("hello"))
        folder.add("one", probe, "[limits]\nconcurrency = 1\nqueue = 0\n")
        folder.add("short", probe,
                   '[limits]\nconcurrency = 1\nqueue = 5\nqueue-timeout = "200ms"\n')
        folder.add("line", probe, '[limits]\nconcurrency = 1\nqueue = 100\nqueue-timeout = "30s"\n')
        folder.add("pair", probe, '[limits]\nconcurrency = 2\nqueue = 1\nqueue-timeout = "30s"\n')
        folder.add("late", probe, '[limits]\nconcurrency = 1\nqueue-timeout = "30s"\n'
                                  'timeout = "400ms"\n')

    def occupy(self, function, ms):
        """A request that has begun and holds its place for so long."""
        mark = f"begun {function} {time.monotonic()}"
        request = Background(self.server, f"/{function}?" + steps(f"error {mark}", f"sleep {ms}"))
        self.server.wait_log(part="guest", message=mark)
        return request

    def test_full_without_a_queue(self):
        running = self.occupy("one", 1500)
        for _ in range(6):  # on both workers
            response = self.get("/one")
            self.assert_problem(response, 429, "E4004")
            self.assertRegex(response.value("retry-after"), r"^[1-9]\d*$")
        self.assertEqual(self.get("/hello").body, HELLO)
        self.assertEqual(running.join().status, 200)
        self.assertEqual(self.get("/one").status, 200)

    def test_a_failure_gives_the_place_back(self):
        for end in ("trap", "exit 1", "exit 0"):
            self.get("/one?" + steps(end))
            self.assertEqual(self.get("/one").status, 200)

    def test_a_client_that_leaves_gives_the_place_back(self):
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(get("/one?" + steps("error leaving", "sleep 20000")))
            self.server.wait_log(part="guest", message="leaving")
            self.assertEqual(self.get("/one").status, 429)
            raw.reset()
        harness.wait_for(lambda: self.get("/one").status == 200, "the place")

    def test_waiting_too_long(self):
        running = self.occupy("short", 2500)
        self.assert_problem(self.get("/short"), 429, "E4004")
        self.assertFalse(running.done)
        self.assertEqual(running.join().status, 200)

    def test_waiting_counts_for_the_deadline(self):
        """From admission on: who waits for it all is told so by one code or the other."""
        running = [Background(self.server, "/late?" + steps("sleep 20000")) for _ in range(3)]
        for request in running:
            self.assert_problem(request.join(), 504, "E4003")

    def test_everyone_gets_a_turn(self):
        """Twenty at once, one at a time, across both workers."""
        waiting = [Background(self.server, "/line?" + steps("sleep 10", f"print {i}"))
                   for i in range(20)]
        self.assertEqual(sorted(int(request.join().body) for request in waiting), list(range(20)))

    def test_those_in_the_queue_may_leave(self):
        running = self.occupy("line", 700)
        leavers = []
        for _ in range(5):
            raw = raw_http.RawConnection(self.server.port)
            raw.send(get("/line?" + steps("sleep 20000")))
            leavers.append(raw)
        time.sleep(0.2)
        stays = Background(self.server, "/line?" + steps("print stayed"))
        for raw in leavers:
            raw.reset()
        self.assertEqual(running.join().status, 200)
        self.assertEqual(stays.join().body, b"stayed")

    def test_the_queue_is_bounded(self):
        running = [self.occupy("pair", 1500) for _ in range(2)]
        waiting = [Background(self.server, "/pair") for _ in range(6)]
        statuses = sorted(request.join().status for request in waiting)
        self.assertEqual(statuses, [200] + [429] * 5)
        self.assertEqual([request.join().status for request in running], [200, 200])


class Defaults(harness.ServerTest):
    options = ("--threads", "1", "--limit", "cpu=100ms", "--limit", "memory=2MiB",
               "--limit", "request-body=10B")

    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("plain", probe)
        folder.add("own", probe, '[limits]\nrequest-body = "20B"\n')

    def test_limits_from_the_command_line(self):
        self.assert_problem(self.get("/plain?" + steps("spin")), 504, "E4002")
        self.assertLess(int(self.get("/plain?" + steps("eat")).body), 2 << 20)
        self.assert_problem(self.request("POST", "/plain", body=b"x" * 11), 413, "E1003")

    def test_a_functions_own_come_first(self):
        self.assertEqual(self.request("POST", "/own", body=b"x" * 11).status, 200)
        self.assert_problem(self.request("POST", "/own", body=b"x" * 21), 413, "E1003")
        self.assert_problem(self.get("/own?" + steps("spin")), 504, "E4002")


class Sandboxes(harness.ServerTest):
    """More guests than there are sandboxes (2048): refused, not queued for ever, not lost."""

    options = ("--threads", "2")

    @classmethod
    def functions(cls, folder):
        for name in ("a", "b", "c"):
            folder.add(name, harness.wat("sleep"))

    @unittest.skipIf(harness.SANITIZED, "the sandboxes are fewer")
    def test_too_many_for_the_server(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            self.skipTest(f"only {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        sleepers = []
        for i in range(2400):
            raw = raw_http.RawConnection(self.server.port)
            self.addCleanup(raw.socket.close)
            raw.send(get(f"/{'abc'[i % 3]}?ms=4000"))
            sleepers.append(raw)
        answers = [raw.response() for raw in sleepers]
        self.assertEqual({answer.status for answer in answers}, {200, 503})
        for answer in answers:
            if answer.status == 503:
                self.assert_problem(answer, 503, "E4005")
                self.assertTrue(answer.value("retry-after"))
        # Of 2048; some are kept for other functions.
        self.assertGreaterEqual([answer.status for answer in answers].count(200), 1850)
        self.assertEqual(self.get("/a").body, b"slept\n")


class Crowd(harness.ServerTest):
    options = ("--threads", "2")

    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))
        folder.add("sleep", harness.wat("sleep"))

    def test_five_hundred_sleepers(self):
        sleepers = []
        for _ in range(500):
            raw = raw_http.RawConnection(self.server.port)
            self.addCleanup(raw.socket.close)
            raw.send(get("/sleep?ms=4000"))
            sleepers.append(raw)
        for _ in range(50):
            self.assertEqual(self.get("/hello").body, HELLO)
        self.assertFalse(harness.is_readable(sleepers[-1].socket, 0),
                         "the last sleeper was done before the others were answered")
        for raw in sleepers:
            self.assertEqual(raw.response().body, b"slept\n")


if __name__ == "__main__":
    harness.main()
