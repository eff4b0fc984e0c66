#!/usr/bin/env python3
"""Changes of the folder while it is served: --watch and SIGHUP."""
import signal
import threading
import time
import unittest

import harness
import raw_http
from test_folder import saying


def slow_to_compile(functions=4000):
    """A module that keeps the compiler busy for a moment."""
    body = b"(local.set 0 (i64.mul (i64.add (local.get 0) (i64.const 7)) (local.get 0)))" * 20
    parts = [b"(func (param i64) (result i64) " + body + b" (local.get 0))"] * functions
    return (b'(module (memory (export "memory") 1)' + b"".join(parts)
            + b'(func (export "_start")))')


class Watching(unittest.TestCase):
    options = ("--threads", "2", "--watch")

    def setUp(self):
        self.folder = harness.Folder()
        self.folder.add("hello", saying("first"))
        self.server = harness.Server.started(self.folder, *self.options)
        self.addCleanup(self.server.stop)

    def changed(self):
        """With --watch nothing has to be said."""

    def wait_body(self, path, body):
        harness.wait_for(lambda: self.server.get(path).body == body, f"{path} to say {body}")

    def wait_status(self, path, status):
        harness.wait_for(lambda: self.server.get(path).status == status, f"{path}: {status}")

    def test_a_new_file(self):
        self.assertEqual(self.server.get("/new").status, 404)
        self.folder.add("new", saying("newer"))
        self.folder.add("sub/folder/new", saying("below"))
        self.changed()
        self.wait_body("/new", b"newer\n")
        self.wait_body("/sub/folder/new", b"below\n")
        self.assertEqual(self.server.get("/hello").body, b"first\n")

    def test_a_changed_file_without_a_gap(self):
        """Requests that come all the time see the old version or the new one, nothing else."""
        answers, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                answers.append(self.server.get("/hello"))

        asking = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
        for thread in asking:
            thread.start()
        try:
            for word in ("other", "third", "forth"):
                self.folder.add("hello", saying(word))
                self.changed()
                self.wait_body("/hello", word.encode() + b"\n")
        finally:
            stop.set()
            for thread in asking:
                thread.join(harness.PATIENCE_S)
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertLessEqual({answer.body for answer in answers},
                             {b"first\n", b"other\n", b"third\n", b"forth\n"})
        self.assertGreater(len(answers), 10)

    def test_a_broken_new_version(self):
        self.folder.add("hello", b"(module (func")
        self.changed()
        refusal = self.server.wait_log(part="serve", level="error", function="hello")
        self.assertIn("old one", refusal["message"])
        self.assertIn("E2002", refusal["error"])
        for _ in range(4):
            self.assertEqual(self.server.get("/hello").body, b"first\n")
        self.folder.add("hello", saying("fixed"))
        self.changed()
        self.wait_body("/hello", b"fixed\n")

    def test_a_broken_function_that_is_mended(self):
        self.folder.add("late", b"(module (func")
        self.changed()
        self.wait_status("/late", 503)
        self.folder.add("late", saying("fixed"))
        self.changed()
        self.wait_body("/late", b"fixed\n")

    def test_a_removed_file(self):
        self.folder.add("sleep", harness.wat("sleep"))
        self.changed()
        self.wait_status("/sleep", 200)
        with raw_http.RawConnection(self.server.port) as raw:
            raw.send(raw_http.get("/sleep?ms=4000"))
            time.sleep(1)
            self.folder.remove("sleep.wat")
            self.folder.remove("hello.wat")
            self.changed()
            self.wait_status("/hello", 404)
            self.wait_status("/sleep", 404)
            self.assertEqual(raw.response().body, b"slept\n")  # what runs is finished

    def test_settings(self):
        self.folder.write("hello.toml", b'content-type = "text/css"\n')
        self.changed()
        harness.wait_for(lambda: self.server.get("/hello").value("content-type") == "text/css",
                         "the settings")
        self.folder.write("hello.toml", b"content-type = 3\n")
        self.changed()
        self.server.wait_log(part="serve", level="error", function="hello")
        self.assertEqual(self.server.get("/hello").value("content-type"), "text/css")
        self.folder.remove("hello.toml")
        self.changed()
        harness.wait_for(lambda: "plain" in self.server.get("/hello").value("content-type"),
                         "the settings to go")

    def test_an_unsafe_new_version(self):
        """It is not trusted, and the file that was is gone: nothing to serve, the reason said."""
        self.folder.write("hello.wat", saying("group"), mode=0o664)
        self.changed()
        self.wait_status("/hello", 503)
        self.assertEqual(self.server.get("/hello").code, "E5003")


class OnSignal(Watching):
    """The same without --watch: SIGHUP says that something changed."""

    options = ("--threads", "2")

    def changed(self):
        self.server.signal(signal.SIGHUP)

    def test_nothing_changes_unasked(self):
        self.folder.add("hello", saying("other"))
        time.sleep(0.5)
        self.assertEqual(self.server.get("/hello").body, b"first\n")
        self.changed()
        self.wait_body("/hello", b"other\n")

    def test_a_folder_that_is_gone(self):
        moved = self.folder.path.with_name("moved-away")
        (self.folder.path / "hello.wat").rename(moved)
        self.folder.path.rmdir()
        self.changed()
        self.wait_status("/hello", 404)
        self.assertIsNone(self.server.process.poll())


class WhileWriting(unittest.TestCase):
    def test_a_file_in_several_writes(self):
        """What is not whole yet is not an error: nothing is said of it but the end."""
        folder = harness.Folder()
        folder.add("hello", saying("first"))
        with harness.Server.started(folder, "--watch") as server:
            text = saying("other")
            with open(folder.path / "hello.wat", "wb") as file:
                for start in range(0, len(text), len(text) // 8):
                    file.write(text[start:start + len(text) // 8])
                    file.flush()
                    time.sleep(0.03)
                    self.assertEqual(server.get("/hello").body, b"first\n")
            harness.wait_for(lambda: server.get("/hello").body == b"other\n", "the new version")
            self.assertEqual(server.log(level="error"), [])

    def test_a_change_while_the_server_starts(self):
        """Between the first look at the folder and the first request nothing is missed."""
        folder = harness.Folder()
        folder.add("a", saying("first"))
        folder.add("z", slow_to_compile())
        state = harness.scratch() / "start-state"
        server = harness.Server(folder, "--watch", state=state)
        self.addCleanup(server.stop)
        harness.wait_for(lambda: list(state.glob("artifacts/*.artifact")), "the first artifact")
        self.assertEqual(server.stdout, "", "the slow module was not slow enough")
        folder.add("a", saying("other"))
        server.wait_ready()
        harness.wait_for(lambda: server.get("/a").body == b"other\n", "the new version")


if __name__ == "__main__":
    harness.main()
