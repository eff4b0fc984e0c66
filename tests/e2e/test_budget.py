#!/usr/bin/env python3
"""What all functions share: memory (--memory) and time. Who asks for too much gets it refused, who
asks for little gets it."""
import signal
import subprocess
import unittest

import harness
from test_limits import HELLO, Background


def with_memory(guest, pages):
    """A guest of tests/guests that begins with so much memory."""
    text = harness.wat(guest)
    changed = text.replace(b'(memory (export "memory") 1)',
                           b'(memory (export "memory") %d)' % pages)
    assert changed != text
    return changed


class Memory(harness.ServerTest):
    options = ("--threads", "2", "--memory", "64MiB")

    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))
        folder.add("grow", harness.wat("grow"))
        folder.add("grow-little", harness.wat("grow"), '[limits]\nmemory = "1MiB"\n')
        folder.add("large", with_memory("sleep", 320), '[limits]\nqueue-timeout = "300ms"\n')
        folder.add("patient", with_memory("sleep", 320), '[limits]\nqueue-timeout = "25s"\n')
        folder.add("larger", with_memory("hello", 1024), '[limits]\nqueue-timeout = "300ms"\n')

    def test_who_meets_the_budget_is_told_that_it_is_the_servers(self):
        response = self.get("/grow")
        self.assert_problem(response, 503, "E4007")
        self.assertEqual(response.value("retry-after"), "1")
        self.assert_problem(self.get("/grow-little"), 500, "E4001")

    def test_what_never_fits_is_refused(self):
        self.assert_problem(self.get("/larger"), 503, "E4007")
        self.assertEqual(self.get("/hello").body, HELLO)

    def test_many_of_one_function_leave_room_for_another(self):
        sleepers = [Background(self.server, "/large?ms=1500") for _ in range(10)]
        for _ in range(20):
            self.assertEqual(self.get("/hello").body, HELLO)
        ends = [sleeper.join() for sleeper in sleepers]
        slept = [end for end in ends if end.status == 200]
        self.assertIn(len(slept), (1, 2), "64 MiB hold three, but one stays for others")
        for end in ends:
            if end.status != 200:
                self.assert_problem(end, 503, "E4007")
                self.assertEqual(end.value("retry-after"), "1")

    def test_who_waits_gets_what_becomes_free(self):
        sleepers = [Background(self.server, "/patient?ms=50") for _ in range(12)]
        self.assertEqual({sleeper.join().body for sleeper in sleepers}, {b"slept\n"})


class Time(harness.ServerTest):
    options = ("--threads", "1")

    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))
        folder.add("spin", harness.wat("spin"),
                   '[limits]\ncpu = "25s"\ntimeout = "4s"\nqueue-timeout = "400ms"\n')

    def test_who_gets_no_turn_is_refused_and_others_are_served(self):
        """One after another: each of the first takes the time of those after it."""
        loops = []
        for _ in range(30):
            loops.append(Background(self.server, "/spin"))
            self.assertEqual(self.get("/hello").body, HELLO)
        ends = [loop.join() for loop in loops]
        codes = {end.code for end in ends}
        self.assertIn("E4003", codes)
        self.assertLessEqual(codes, {"E4003", "E4005"})
        for end in ends:
            if end.code == "E4005":
                self.assertEqual((end.status, end.value("retry-after")), (503, "1"))


def loops(depth, variables):
    """Compiles for longer than anybody is given; the text is tiny."""
    text = ["(module (memory (export \"memory\") 1) (func (export \"_start\")"]
    text += [f"(local {' '.join(['i32'] * variables)})"]
    text += ["(loop"] * depth
    text += [f"(local.set {i} (i32.add (local.get {i}) (i32.const 1)))" for i in range(variables)]
    text += [f"(br_if 0 (local.get {i % variables})))" for i in range(depth)]
    return ("\n".join(text) + "))").encode()


class SlowCompilation(harness.ServerTest):
    """Whoever compiles for long keeps nobody waiting."""

    options = ("--threads", "2")

    @classmethod
    def functions(cls, folder):
        folder.add("hello", harness.wat("hello"))

    def test_others_are_served_before_it_is_tried_again(self):
        self.server.folder.add("bomb", loops(500, 500))
        self.server.folder.add("later", harness.wat("hello"))
        self.server.signal(signal.SIGHUP)
        harness.wait_for(lambda: self.get("/later").body == HELLO, "the other", 150)
        first = self.get("/bomb")
        self.assertEqual((first.status, first.value("retry-after")), (503, "1"))
        self.assertIn(first.code, ("E2013", "E2009"))


class Configuration(unittest.TestCase):
    def test_sizes_that_are_none(self):
        for size, code in (("4", "E6004"), ("4XB", "E6003"), ("1KiB", "E6003"), ("-1", "E6003"),
                           ("99999TiB", "E6003")):
            end = subprocess.run([harness.program(), "serve", ".", "--memory", size],
                                 capture_output=True, text=True, check=False,
                                 timeout=harness.PATIENCE_S)
            self.assertEqual(end.returncode, 2, size)
            self.assertIn(code, end.stderr, size)


if __name__ == "__main__":
    harness.main()
