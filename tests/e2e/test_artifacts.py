#!/usr/bin/env python3
"""Compiled code between two starts: it is used when it is ours and whole, else made again."""
import unittest

import harness
from test_folder import saying


class Artifacts(unittest.TestCase):
    def setUp(self):
        self.folder = harness.Folder()
        self.folder.add("hello", harness.wat("hello"))
        self.folder.add("other", saying("other"))
        self.state = harness.scratch() / f"state-{self.id()}"

    def files(self):
        return sorted(self.state.glob("artifacts/*.artifact"))

    def start(self):
        """Serves both functions once; the log's records of how they were loaded, and what the
        server said about artifacts that did not do."""
        with harness.Server.started(self.folder, "--log-level", "debug",
                                    state=self.state) as server:
            self.assertEqual(server.get("/hello").body, b"hello\n")
            self.assertEqual(server.get("/other").body, b"other\n")
            return (server.log(part="serve", message="function loaded"),
                    server.log(part="serve", message="a compiled artifact was made again"))

    def assert_compiled(self, loaded, expected):
        compiled = {record["function"] for record in loaded
                    if not record["compile"].startswith("0")}
        self.assertEqual(len(loaded), 2, loaded)
        self.assertEqual(compiled, expected, loaded)

    def test_the_second_start_compiles_nothing(self):
        self.assert_compiled(self.start()[0], {"hello", "other"})
        self.assertEqual(len(self.files()), 2)
        loaded, problems = self.start()
        self.assert_compiled(loaded, set())
        self.assertEqual(problems, [])

    def test_only_what_changed_is_compiled(self):
        self.start()
        self.folder.write("hello.wat", harness.wat("hello") + b" ;; changed\n")
        self.assert_compiled(self.start()[0], {"hello"})

    def spoil(self, change):
        """Both artifacts are changed: both are made again, and work the next time."""
        self.start()
        good = {path: path.read_bytes() for path in self.files()}
        for path, content in good.items():
            path.write_bytes(change(content))
        loaded, problems = self.start()
        self.assert_compiled(loaded, {"hello", "other"})
        self.assertEqual({record["function"] for record in problems}, {"hello", "other"})
        self.assertIn("E5001", problems[0]["reason"])
        loaded, problems = self.start()
        self.assert_compiled(loaded, set())
        self.assertEqual(problems, [])

    def test_altered_code(self):
        def flip(content):
            middle = len(content) // 2
            return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:]
        self.spoil(flip)

    def test_an_altered_end(self):
        self.spoil(lambda content: content[:-1] + bytes([content[-1] ^ 0x80]))

    def test_a_truncated_file(self):
        self.spoil(lambda content: content[:len(content) // 2])

    def test_an_empty_file(self):
        self.spoil(lambda content: b"")

    def test_something_appended(self):
        self.spoil(lambda content: content + b"\0" * 4096)

    def test_artifacts_that_changed_places(self):
        """Each is authentic, but not what it is used for."""
        self.start()
        one, two = self.files()
        content = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(content)
        loaded, problems = self.start()
        self.assert_compiled(loaded, {"hello", "other"})
        self.assertEqual(len(problems), 2)

    def test_a_link_in_their_place(self):
        self.start()
        one, _ = self.files()
        elsewhere = harness.scratch() / "elsewhere"
        one.rename(elsewhere)
        one.symlink_to(elsewhere)
        loaded, problems = self.start()
        self.assertEqual(len(problems), 1)
        self.assertFalse(one.is_symlink())

    def test_artifacts_of_another_key(self):
        """Whoever can write the folder but does not have the key can't make us run anything."""
        self.start()
        (key,) = [path for path in self.state.iterdir() if path.is_file()]
        key.unlink()
        loaded, problems = self.start()
        self.assert_compiled(loaded, {"hello", "other"})
        self.assertEqual(len(problems), 2)

    def test_they_are_private(self):
        self.start()
        for path in [self.state, self.state / "artifacts", *self.files()]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)


class QuickStart(unittest.TestCase):
    def test_seven_cached_modules(self):
        import time
        folder, state = harness.Folder(), harness.scratch() / "quick-state"
        for number in range(7):
            folder.add(f"f{number}", saying(f"word{number}"))
        with harness.Server.started(folder, state=state):
            pass
        begun = time.monotonic()
        with harness.Server.started(folder, state=state) as server:
            seconds = time.monotonic() - begun
            self.assertEqual(server.function_count, 7)
        print(f"seven cached modules: ready after {1000 * seconds:.0f} ms")
        self.assertLess(seconds, 5 * (4 if harness.SANITIZED else 1))


if __name__ == "__main__":
    harness.main()
