#!/usr/bin/env python3
"""The running server and its compile service, seen from outside: what they gave up
(docs/security.md). What a confined process can't do is tried from inside by the unit tests of
src/confinement."""
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import unittest

import harness
from test_cli import CliTest
from test_folder import HELLO
from test_manifest import ManifestTest

NEW_RULESET, ASK_VERSION = 444, 1


def landlock_version():
    """0: this kernel has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, libc.syscall(NEW_RULESET, None, 0, ASK_VERSION))


def status_of(task):
    return dict(re.findall(r"^(\w+):\s+(.*)$", (task / "status").read_text(), re.M))


def tasks_of(pid):
    return list(pathlib.Path(f"/proc/{pid}/task").iterdir())


def descendants(pid):
    found = []
    for child in harness.children(pid):
        found += [child] + descendants(child)
    return found


def compile_service(server):
    """The keeper and its loop, in this order; the service starts beside the server."""
    harness.wait_for(lambda: len(descendants(server.process.pid)) == 2, "the compile service")
    return descendants(server.process.pid)


def wait_confined(pid):
    """Until every thread of a process is under a filter; its last step."""
    harness.wait_for(lambda: all(status_of(task)["Seccomp"] == "2" for task in tasks_of(pid)),
                     f"the confinement of {pid}")


class Processes(harness.ServerTest):
    options = ("--threads", "2", "--watch", "--confinement", "required")

    @classmethod
    def functions(cls, folder):
        folder.add("hello", HELLO)

    @classmethod
    def setUpClass(cls):
        if not landlock_version():
            raise unittest.SkipTest("this kernel has no Landlock: nothing can be required of it")
        super().setUpClass()

    def assert_confined(self, pid):
        tasks = tasks_of(pid)
        self.assertTrue(tasks)
        for task in tasks:
            status = status_of(task)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), status["Name"])

    def test_every_thread_of_the_server(self):
        self.assertEqual(self.get("/hello").body, b"hello\n")
        self.assertGreater(len(tasks_of(self.server.process.pid)), 3)
        self.assert_confined(self.server.process.pid)

    def test_every_process_of_the_compile_service(self):
        for pid in compile_service(self.server):
            self.assert_confined(pid)
            self.assertEqual(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text(), "1000\n")

    def test_no_core_is_dumped(self):
        for pid in [self.server.process.pid] + compile_service(self.server):
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_the_log_says_what_is_active(self):
        record = self.server.wait_log(part="serve", message="confined")
        self.assertEqual(record["system_calls"], "filtered")
        self.assertTrue(record["landlock"].startswith("files"), record)
        self.assertEqual(self.server.log(message="a part of the confinement is missing"), [])

    def test_changes_are_still_watched_and_compiled(self):
        self.server.folder.add("later", HELLO.replace(b"hello", b"later"))
        harness.wait_for(lambda: self.get("/later").body == b"later\n", "the new function")

    def test_a_killed_compile_service_is_replaced(self):
        keeper, loop = compile_service(self.server)
        os.kill(loop, signal.SIGKILL)
        self.server.folder.add("again", HELLO.replace(b"hello", b"again"))
        harness.wait_for(lambda: self.get("/again").body == b"again\n", "the new function")
        self.assertIn(keeper, harness.children(self.server.process.pid))
        self.assertNotIn(loop, descendants(self.server.process.pid))


class Modes(unittest.TestCase):
    def test_off_is_off_and_says_so(self):
        folder = harness.Folder()
        folder.add("hello", HELLO)
        with harness.Server.started(folder, "--confinement", "off") as server:
            server.wait_log(level="warning", message="not confined: confinement is switched off")
            for pid in [server.process.pid] + compile_service(server):
                self.assertEqual(status_of(pathlib.Path(f"/proc/{pid}"))["Seccomp"], "0")
            self.assertEqual(server.get("/hello").body, b"hello\n")


class Files(ManifestTest):
    """What lies beside what was declared is out of reach, whoever asks for it."""

    def setUp(self):
        if not landlock_version():
            self.skipTest("this kernel has no Landlock")
        super().setUp()

    def test_a_link_to_what_was_not_declared(self):
        """The operator allowed links, but this one came later and leads elsewhere."""
        outside = harness.Folder()
        outside.add("secret", HELLO.replace(b"hello", b"taken"))
        outside.add("known", HELLO.replace(b"hello", b"known"))
        self.site.add("fine", HELLO)
        (self.site.path / "known.wat").symlink_to(outside.path / "known.wat")
        self.serve("--allow-unsafe-files", "--watch", path=".")
        self.assertEqual(self.get("/known").body, b"known\n")  # there when the server started
        (self.site.path / "taken.wat").symlink_to(outside.path / "secret.wat")
        self.server.wait_log(level="error", function="taken")
        self.assert_refused("/taken", "E5006", "Permission denied")
        self.assertEqual(self.get("/fine").body, b"hello\n")

    def test_a_volume_is_read_and_written_and_its_neighbour_is_not(self):
        volume, other = harness.Folder(), harness.Folder()
        other.write("canary", b"sings")
        (volume.path / "link").symlink_to(other.path)
        self.site.write("probe.wasm", harness.c_guest("files_libc"))
        self.manifest(f"""
            [function.files]
            source = "probe.wasm"
            arguments = ["/work"]
            [function.files.files]
            "/work" = {{ volume = "work", mode = "write" }}
            [volume.work]
            path = "{volume.path}"
            modes = ["read", "write"]
        """)
        self.serve()
        answer = self.get("/files")
        self.assertRegex(answer.text, r"(?m)^[1-9][0-9]+ checks, 0 failures$")

    def test_a_reload_that_needs_more_says_restart(self):
        elsewhere = harness.Folder()
        self.site.add("fine", HELLO)
        self.manifest("")
        self.serve(path=".")
        self.site.add("new", HELLO)
        self.manifest(f"[volume.more]\npath = '{elsewhere.path}'\n")
        self.reload()
        record = self.server.wait_log(level="error", part="serve")
        self.assertIn("nothing changes", record["message"])
        for part in ("E6010", "godwit.toml:1:1", '"more"', str(elsewhere.path)):
            self.assertIn(part, record["error"])
        self.assertIn("Restart", record["hint"])
        self.assertEqual(self.get("/fine").body, b"hello\n")
        self.assertEqual(self.get("/new").status, 404)
        self.manifest("")  # taken back
        self.reload()
        harness.wait_for(lambda: self.get("/new").status == 200, "the new function")


class Run(CliTest):
    def test_a_single_run_is_confined_too(self):
        if not landlock_version():
            self.skipTest("this kernel has no Landlock")
        self.write("wait.wat", harness.wat("sleep"))
        process = subprocess.Popen(
            [harness.program(), "run", "wait.wat", "ms=25000", "--state-dir", "state"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            wait_confined(process.pid)
            self.assertIsNone(process.poll())
        finally:
            process.kill()
            process.wait()


del ManifestTest, CliTest

if __name__ == "__main__":
    harness.main()
