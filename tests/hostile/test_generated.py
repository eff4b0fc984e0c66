#!/usr/bin/env python3
"""Generated modules in a live server: translated from random bytes by binaryen, and valid ones with
bytes changed. Whatever they are, the answer is one of those that there are, and the neighbour
never notices. GODWIT_HOSTILE_SEED repeats a run, GODWIT_HOSTILE_SECONDS makes it longer.

And each function of WASI preview 1 with extreme arguments: an errno each, never a trap.
"""
import collections
import concurrent.futures
import http.client
import os
import random
import signal
import time
import unittest

import siege
import fuzzed_modules
import harness
import preview1

SECONDS = float(os.environ.get("GODWIT_HOSTILE_SECONDS") or 12)
SEED = os.environ.get("GODWIT_HOSTILE_SEED") or str(random.SystemRandom().randrange(1 << 32))
BATCH = 24
# What a module may lead to: it ran, trapped, met a limit, or was refused for what it is.
ANSWERS = {200: {""}, 500: {"E3001", "E3002", "E3003", "E3005", "E4001"}, 504: {"E4002", "E4003"},
           503: {f"E20{number:02}" for number in range(1, 13)}}


class Generated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = harness.Folder()
        siege.add_neighbour(cls.folder)
        cls.server = siege.start(cls.folder, "--limit", "cpu=20ms")
        cls.before = siege.Footprint(cls.server)
        cls.services = siege.compile_processes(cls.server)[0]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def add_batch(self, first, sources):
        """Returns {name: kind}."""
        kinds = {}
        for number in range(first, first + BATCH):
            kind, module = fuzzed_modules.generated(SEED, number, sources)
            kinds[f"g{number}"] = kind
            # By hand, since a broken header is to be a .wasm all the same.
            self.folder.write(f"g{number}.wasm", module)
        self.server.signal(signal.SIGHUP)
        harness.wait_for(lambda: siege.fetch(self.server, f"/g{first}").status != 404,
                         f"batch {first}", 3 * siege.PATIENCE_S)
        return kinds

    def ask(self, name):
        """What came: "status code"; or what is wrong, in brackets."""
        try:
            response = siege.fetch(self.server, f"/{name}")
        except (OSError, http.client.HTTPException) as error:
            return f"[{name}: no answer but {error!r}]"
        code = response.code if response.status >= 400 else ""
        if code not in ANSWERS.get(response.status, set()):
            return f"[{name}: {response}]"
        return f"{response.status} {code}"

    def test_whatever_comes(self):
        print(f"GODWIT_HOSTILE_SEED={SEED}", flush=True)
        sources = fuzzed_modules.seeds()
        counts = collections.Counter()
        first, until = 0, time.monotonic() + SECONDS
        with siege.Neighbour(self.server, clients=1) as neighbour:
            while time.monotonic() < until:
                kinds = self.add_batch(first, sources)
                with concurrent.futures.ThreadPoolExecutor(siege.AT_ONCE) as pool:
                    for name, answer in zip(list(kinds) * 3, pool.map(self.ask, list(kinds) * 3)):
                        counts[kinds[name], answer] += 1
                for name in kinds:
                    self.folder.remove(f"{name}.wasm")
                first += BATCH
        wrong = [answer for _, answer in counts if answer.startswith("[")]
        self.report(counts, neighbour)
        self.assertIsNone(self.server.process.poll(), "the server has died")
        self.assertEqual((wrong[:10], neighbour.failures), ([], []))
        self.assertGreater(sum(n for (kind, _), n in counts.items() if kind == "mutated"), 0)
        if fuzzed_modules.WASM_OPT:
            ran = sum(n for (kind, answer), n in counts.items()
                      if kind == "command" and not answer.startswith("503"))
            self.assertGreater(ran, 0, "no generated module could be run")
        self.assert_nothing_kept()

    def report(self, counts, neighbour):
        for (kind, answer), count in sorted(counts.items()):
            print(f"{count:6} {kind} {answer[:300]}")
        print(neighbour.summary(), flush=True)
        # It is contained, but worth knowing: the compiler itself failed at a module.
        for line in self.server.lines:
            if "the compiler crashed" in line or "E2008" in line:
                print(line[:600])

    def assert_nothing_kept(self):
        harness.wait_for(lambda: siege.Footprint(self.server).descriptors
                         <= self.before.descriptors + 2 * BATCH, "descriptors to be closed")
        services, children = siege.compile_processes(self.server)
        self.assertEqual((services, children), (self.services, []))


class ExtremeArguments(unittest.TestCase):
    """Every size, pointer and number at its extremes, one call a request."""

    # These end the guest by what they are.
    ENDS = {"proc_exit": {"E3002"}, "proc_raise": {"E3001"}, "poll_oneoff": {"E4003"},
            "sock_accept": set()}

    @classmethod
    def setUpClass(cls):
        calls = preview1.calls()
        cls.calls = calls[::5] if harness.SANITIZED else calls
        cls.folder = harness.Folder()
        siege.add_neighbour(cls.folder)
        cls.folder.add("calls", preview1.extreme_calls(cls.calls),
                       '[limits]\ntimeout = "1s"\ncpu = "10s"\n'
                       '[files]\n"/tmp" = { tmpfs = "1MiB" }\n')
        cls.server = siege.start(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def wrong(self, number):
        function, arguments = self.calls[number]
        try:
            response = siege.fetch(self.server, f"/calls?i={number}")
        except (OSError, http.client.HTTPException) as error:
            return f"{function}{arguments}: no answer but {error!r}"
        if response.status == 200 and response.complete:
            # After the call stdout may be closed or replaced: then nothing is printed.
            errno = response.body[-3:]
            if errno == b"" or errno.isdigit() and int(errno) <= 76:
                return ""
        elif response.status >= 400 and response.code in self.ENDS.get(function, ()):
            return ""
        return f"{function}{arguments}: {response}"

    def test_each_is_answered_with_an_errno(self):
        with siege.Neighbour(self.server, clients=1) as neighbour:
            with concurrent.futures.ThreadPoolExecutor(siege.AT_ONCE) as pool:
                answers = list(pool.map(self.wrong, range(len(self.calls))))
        wrong = [answer for answer in answers if answer]
        print(f"{len(answers)} calls; {neighbour.summary()}", flush=True)
        self.assertIsNone(self.server.process.poll(), "the server has died")
        self.assertEqual((wrong[:10], neighbour.failures), ([], []), f"{len(wrong)} wrong")

    def test_the_number_chooses_the_call(self):
        """Else all of the above would have been one and the same."""
        errnos = {function: siege.fetch(self.server, f"/calls?i={number}").body
                  for number, (function, arguments) in enumerate(self.calls)
                  if arguments == tuple(preview1.sensible(function))}
        self.assertEqual(errnos.get("random_get", b"000"), b"000")
        self.assertEqual(errnos.get("proc_exit", b""), b"")
        if not harness.SANITIZED:
            # No such whence; a folder; a file that is no socket.
            self.assertEqual((errnos["fd_seek"], errnos["fd_prestat_get"], errnos["sock_shutdown"]),
                             (b"028", b"000", b"057"))
            self.assertEqual(errnos["path_readlink"], b"028")


if __name__ == "__main__":
    harness.main()
