#!/usr/bin/env python3
"""The hostile corpus against a live server, many at once, beside a healthy neighbour.

Each answer must be what table.py says; the neighbour must never notice; the process must neither
die nor keep what it was made to take. GODWIT_HOSTILE_TIMES: how often each guest is fired (8).
GODWIT_HOSTILE_ALL=1: all compile bombs, not only those of a few seconds.
"""
import os
import re
import signal
import subprocess
import time
import unittest

import siege
import corpus
import harness
import raw_http
from table import QUICK_BOMBS, ROWS

TIMES = int(os.environ.get("GODWIT_HOSTILE_TIMES") or (2 if harness.SANITIZED else 8))
# What may stay: threads for files end later, sandboxes and their heaps are kept for the next.
SPARE_DESCRIPTORS, SPARE_THREADS, SPARE_MIB = 4, 8, 256
# Nobody's terminal gets these out of a module or a log.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# These turn the direction of text, or do not show: not in names either.
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def bombs():
    if harness.SANITIZED:
        return []  # without a limit of address space, which a sanitizer needs, they take it all
    return corpus.bombs() if os.environ.get("GODWIT_HOSTILE_ALL") else list(QUICK_BOMBS)


class Table(unittest.TestCase):
    def test_each_guest_has_a_row_and_each_row_a_guest(self):
        self.assertEqual(sorted(ROWS), corpus.guests())
        self.assertLessEqual(set(QUICK_BOMBS), set(corpus.bombs()))

    def test_the_judge_can_condemn(self):
        fine = harness.Response(200, [], b"")
        late = harness.Response(504, [("content-type", "application/problem+json")],
                                b'{"code": "E4003"}')
        cut = harness.Response(200, [], b"", complete=False)
        self.assertEqual(siege.judge("memory_maximum_only", fine), "")
        self.assertEqual(siege.judge("flood_bytes", cut), "")
        self.assertEqual(siege.judge("poll_far_future", late), "")
        for name, answer in (("loop_plain", fine), ("loop_plain", late), ("flood_bytes", fine),
                             ("memory_maximum_only", cut), ("memory_maximum_only", late)):
            self.assertNotEqual(siege.judge(name, answer), "", name)


class Hostile(unittest.TestCase):
    """One server for all: what one test leaves behind, the next one meets."""

    @classmethod
    def setUpClass(cls):
        cls.folder = harness.Folder()
        siege.add_neighbour(cls.folder)
        cls.names = [name for name in corpus.guests() if name not in corpus.bombs()]
        for name in cls.names:
            siege.add_guest(cls.folder, name, corpus.guest(name))
        begun = time.monotonic()
        cls.server = siege.start(cls.folder)
        print(f"{len(cls.names)} guests loaded in {time.monotonic() - begun:.1f} s", flush=True)
        for _ in range(50):
            siege.fetch(cls.server, siege.GREETING[0])
        siege.fetch(cls.server, "/files_huge")
        cls.before = siege.Footprint(cls.server)
        cls.services = siege.compile_processes(cls.server)[0]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()  # fails unless it drains and ends with 0

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(self.server.tail(4), flush=True)

    def assert_untouched(self, neighbour, wrong):
        print(neighbour.summary(), flush=True)
        self.assertIsNone(self.server.process.poll(), "the server has died")
        self.assertEqual(wrong[:10], [], f"{len(wrong)} wrong answers")
        self.assertEqual(neighbour.failures, [])
        self.assertGreater(len(neighbour.seconds), 0)

    def is_settled(self, name):
        """Neither unknown nor still being compiled."""
        answer = siege.fetch(self.server, "/" + name)
        return answer.status != 404 and b"E2013" not in answer.body

    def test_1_what_cannot_be_loaded_answers_why(self):
        refused = [name for name in self.names if ROWS[name].status == 503]
        with siege.Neighbour(self.server) as neighbour:
            wrong = siege.fire(self.server, refused, times=2)
        self.assert_untouched(neighbour, wrong)

    def test_2_all_at_once_while_bombs_are_compiled(self):
        for name in bombs():
            siege.add_guest(self.folder, name, corpus.guest(name))
        self.server.signal(signal.SIGHUP)
        loaded = [name for name in self.names if ROWS[name].status != 503]
        begun = time.monotonic()
        with siege.Neighbour(self.server) as neighbour:
            wrong = siege.fire(self.server, loaded, TIMES)
            print(f"{len(loaded)} guests {TIMES} times: {time.monotonic() - begun:.1f} s")
            if siege.Compilations(self.server).wait(
                    lambda: all(self.is_settled(name) for name in bombs())):
                wrong += siege.fire(self.server, bombs(), times=2)
                print(f"with {len(bombs())} bombs: {time.monotonic() - begun:.1f} s")
            else:
                print("the machine is too busy to compile: the bombs are not judged")
        self.assert_untouched(neighbour, wrong)

    def test_3_clients_that_do_not_read(self):
        """Their guests are held up, and ended by their own limits or by the clients' going."""
        deaf = []
        with siege.Neighbour(self.server) as neighbour:
            for number in range(24):
                raw = raw_http.RawConnection(self.server.port, receive_buffer_bytes=4096)
                self.addCleanup(raw.socket.close)
                name = ("flood_gigabyte", "flood_bytes", "iovec_same_buffer")[number % 3]
                raw.send(raw_http.get("/" + name))
                deaf.append(raw)
            wrong = siege.fire(self.server, ["loop_plain", "flood_bytes"], TIMES)
            for raw in deaf[::2]:
                raw.reset()
            for raw in deaf[1::2]:
                raw.socket.close()
        self.assert_untouched(neighbour, wrong)

    def test_4_requests_that_fill_the_environment(self):
        short = "&".join(f"a{i}=" for i in range(900))
        many = "&".join(f"a{i}=" for i in range(1200))
        long = "v=" + "%41" * 2600
        cases = [(short, 200), (many, 431), (long, 200), (long + "x" * 2000, 414),
                 ("a=%00", 400), ("a=%ff", 400), ("&" * 8000, 200), ("=" * 8000, 200),
                 ("%3d=%3d&" * 900, 200)]
        with siege.Neighbour(self.server) as neighbour:
            wrong = [f"{query[:40]} ({len(query)} bytes): {response}"
                     for query, status in cases * 4
                     if (response := siege.fetch(self.server, "/environment_walk?" + query)).status
                     != status]
            fields = {f"x-{i}": "y" * 300 for i in range(90)}
            response = siege.fetch(self.server, "/environment_walk", headers=fields)
            self.assertEqual((response.status, len(response.body)), (200, 8))
            fields["x-long"] = "y" * 30000
            response = siege.fetch(self.server, "/environment_walk", headers=fields)
            self.assertEqual(response.status, 431)
        self.assert_untouched(neighbour, wrong)

    def test_5_the_log_is_bounded_and_nobody_elses(self):
        for line in self.server.lines:
            self.assertIsNone(CONTROL.search(line.rstrip("\n")), line[:200])
            self.assertTrue(line.startswith("{"), line[:200])
        for name in ("log_no_newline", "log_newlines", "log_newline_each", "log_binary"):
            written = sum(len(record["message"]) + 1
                          for record in self.server.log(part="guest", function=name))
            # 4 KiB each, and a line that says that the rest was dropped.
            self.assertLessEqual(written, TIMES * (6 << 10), name)

    def test_6_nothing_is_kept(self):
        compilations = siege.Compilations(self.server)
        if not compilations.wait(lambda: not compilations.go_on()):
            self.skipTest("the machine is too busy to compile: what that takes is still taken")

        def is_back():
            now = siege.Footprint(self.server)
            return (now.descriptors <= self.before.descriptors + SPARE_DESCRIPTORS
                    and now.threads <= self.before.threads + SPARE_THREADS
                    and (harness.SANITIZED or now.resident_mib
                         <= self.before.resident_mib + SPARE_MIB))
        print(f"before: {self.before}; now: {siege.Footprint(self.server)}")
        harness.wait_for(is_back, f"back to {self.before}")
        services, children = siege.compile_processes(self.server)
        self.assertEqual(services, self.services, "the compile service was started again")
        self.assertEqual(children, [])
        self.assertEqual(siege.fetch(self.server, siege.GREETING[0]).body, siege.GREETING[1])


class HostMemory(unittest.TestCase):
    """What the host keeps for a guest of WASI 0.3 is in none of its memories, and bounded too."""

    KEEPERS = ("component_streams_for_ever", "component_futures_for_ever",
               "component_sets_for_ever", "component_calls_for_ever", "component_blocked",
               "component_calls_cancelled_for_ever", "component_future_states",
               "handler_responses", "handler_bodies", "handler_responses_dropped",
               "handler_requests", "handler_sends")
    # Of one run, for all that a time slice lets it make.
    SPARE_MIB_OF_ONE = 8

    def test_it_stays_small(self):
        folder = harness.Folder()
        siege.add_neighbour(folder)
        for name in self.KEEPERS:
            siege.add_guest(folder, name, corpus.guest(name))
        with siege.start(folder) as server:
            siege.fire(server, self.KEEPERS, times=1)
            before = siege.Footprint(server).resident_mib
            with siege.Neighbour(server) as neighbour:
                wrong = siege.fire(server, self.KEEPERS, times=4)
            peak = server.status_kb("VmHWM") / 1024
            print(f"{before:.0f} MiB resident, at most {peak:.0f} MiB", flush=True)
            self.assertEqual(wrong, [])
            self.assertEqual(neighbour.failures, [])
            if not harness.SANITIZED:
                self.assertLess(peak - before, siege.AT_ONCE * self.SPARE_MIB_OF_ONE)


class Words(unittest.TestCase):
    """What a hostile file makes the command line say."""

    def test_no_name_of_a_module_reaches_the_terminal(self):
        folder = harness.Folder()
        for name in ("import_names", "export_names", "names_that_explode", "log_terminal"):
            path = folder.write(name + (".wasm" if name in corpus.GENERATORS else ".wat"),
                                corpus.guest(name))
            for verb in ("check", "run"):
                done = subprocess.run([harness.program(), verb, str(path)], timeout=60,
                                      stdin=subprocess.DEVNULL, capture_output=True, check=False)
                self.assertGreater(len(done.stdout + done.stderr), 0)
                # What a guest that is run by hand writes to stderr is the user's own to see.
                if (name, verb) == ("log_terminal", "run"):
                    continue
                text = (done.stdout + done.stderr).decode()
                self.assertIsNone(CONTROL.search(text), f"{verb} {name}: {text!r}")
                self.assertIsNone(INVISIBLE.search(text), f"{verb} {name}: {text!r}")


if __name__ == "__main__":
    harness.main()
