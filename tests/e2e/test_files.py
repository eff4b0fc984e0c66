"""Files of a guest, from outside: folders of the host by `run --dir` and by a volume, private and
kept folders in memory, the attempts of a hostile guest to get out, and what remains of it all."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import harness

CANARY = b"the canary sings\n"
# How long the writers and readers race; a minute on demand.
RACE_S = float(os.environ.get("GODWIT_RACE_SECONDS", "3"))


def private_folder(prefix):
    return pathlib.Path(tempfile.mkdtemp(dir=harness.scratch(), prefix=prefix))


def run(*words):
    """`godwit run WORDS`: (exit code, output, errors)."""
    done = subprocess.run([harness.program(), "run", *map(str, words), "--state-dir",
                           harness.scratch() / "state"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=harness.PATIENCE_S * 4, check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def guest_file(name):
    folder = private_folder("guest-")
    path = folder / f"{name}.wasm"
    path.write_bytes(harness.c_guest(name))
    return path


class Conformance(unittest.TestCase):
    """The checks of a C library's and of Rust's files, on each kind of folder."""

    def expect_no_failure(self, code, output, errors):
        text = output.decode()
        self.assertRegex(text, r"(?m)^[1-9][0-9]+ checks, 0 failures$", text + errors)
        self.assertEqual(code, 0, text + errors)

    def test_on_a_folder_of_the_host(self):
        for name in ("files_libc", "files_std"):
            with self.subTest(name):
                folder = private_folder("work-")
                self.expect_no_failure(
                    *run(guest_file(name), "--dir", f"/work={folder}", "--", "/work"))
                self.assertLessEqual(set(os.listdir(folder)), {"a"})

    def test_in_memory(self):
        for name in ("files_libc", "files_std"):
            with self.subTest(name):
                path = guest_file(name)
                path.with_suffix(".toml").write_text(
                    '[files]\n"/tmp" = { tmpfs = "16MiB" }\n')
                self.expect_no_failure(*run(path, "--", "/tmp"))

    def test_a_guest_reads_and_writes_what_is_really_there(self):
        folder = private_folder("work-")
        (folder / "before.txt").write_text("from outside")
        probe = guest_file("files_std")
        run(probe, "--dir", f"/work={folder}", "--", "/work")
        self.assertEqual((folder / "before.txt").read_text(), "from outside")


def snapshot(folder):
    """Everything about a folder that nobody may change."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        info = path.lstat()
        found[str(path)] = (info.st_mode, info.st_size, info.st_mtime_ns, info.st_nlink,
                            info.st_ino, path.read_bytes() if path.is_file() else None)
    return found


class Fortress:
    """A folder for the guest with every trap in it, and the canary beside it."""

    def __init__(self):
        self.root = private_folder("fortress-")
        self.inside = self.root / "inside"
        self.outside = self.root / "outside"
        for folder in (self.inside, self.outside, self.inside / "deep/a/b", self.inside / "swap"):
            folder.mkdir(parents=True)
        (self.outside / "canary").write_bytes(CANARY)
        (self.root / "canary").write_bytes(CANARY)
        (self.inside / "own").write_text("the guest's own")
        links = {
            "to-file": "../canary",
            "to-folder": "../outside",
            "absolute": str(self.outside / "canary"),
            "absolute-folder": str(self.outside),
            "one": "two", "two": "three", "three": "../outside/canary",
            "deep/up": "../../outside",
            "deep/a/up-up": "../../../canary",
            "magic-root": "/proc/self/root",
            "magic-cwd": "/proc/self/cwd",
            "magic-fd": "/proc/self/fd/0",
            "self": "self",
        }
        for name, target in links.items():
            (self.inside / name).symlink_to(target)
        os.mkfifo(self.inside / "fifo")
        paths = [*links, "to-folder/canary", "absolute-folder/canary", "deep/up/canary",
                 "to-file/", "to-folder/", "to-folder/../canary", "deep/a/../../to-file",
                 f"magic-root{self.outside}/canary", "magic-cwd/canary", "own/", "own/.", "fifo"]
        # Read by the guest once, when it starts.
        (self.inside / "paths").write_text("".join(f"{path}\n" for path in paths))
        self.before = snapshot(self.outside)
        self.canary = (self.root / "canary").lstat()

    def check(self, test, output):
        test.assertNotIn(b"canary sings", output)
        test.assertEqual(snapshot(self.outside), self.before)
        now = (self.root / "canary").lstat()
        test.assertEqual((now.st_mtime_ns, now.st_size, now.st_ino, now.st_nlink),
                         (self.canary.st_mtime_ns, self.canary.st_size, self.canary.st_ino,
                          self.canary.st_nlink))
        test.assertEqual((self.root / "canary").read_bytes(), CANARY)
        test.assertEqual(sorted(path.name for path in self.root.iterdir()),
                         ["canary", "inside", "outside"])


class Escapes(unittest.TestCase):
    def test_no_path_leads_out(self):
        fortress = Fortress()
        code, output, errors = run(guest_file("escape"), "--dir", f"/v={fortress.inside}",
                                   "--", "paths", "0")
        self.assertEqual(code, 0, errors)
        self.assertRegex(output.decode(errors="replace"), r"(?m)^\d{3,} attempts, \d+ entered$")
        fortress.check(self, output)

    def test_no_path_leads_out_of_memory(self):
        path = guest_file("escape")
        path.with_suffix(".toml").write_text('[files]\n"/tmp" = { tmpfs = "1MiB" }\n')
        code, output, errors = run(path, "--", "paths", "0")
        self.assertEqual(code, 0, errors)
        self.assertRegex(output.decode(errors="replace"), r"(?m)^\d{3,} attempts")

    def test_nobody_gets_out_while_others_rename(self):
        fortress = Fortress()
        folder = harness.Folder()
        folder.add("escape", harness.c_guest("escape"))
        folder.write("godwit.toml", f'''
[server]
folder = "."
limit = {{ cpu = "{RACE_S + 60}s", timeout = "{RACE_S + 120}s" }}
[function.racer]
source = "escape.wasm"
environment = {{ seconds = "{RACE_S}" }}
query-environment = ["mode"]
files = {{ "/v" = {{ volume = "fortress", mode = "write" }} }}
[volume.fortress]
path = "{fortress.inside}"
modes = ["read", "write"]
'''.encode())
        with harness.Server.started(folder) as server:
            modes = ["flip", "turn", "paths", "paths"]
            with concurrent.futures.ThreadPoolExecutor(len(modes)) as pool:
                answers = list(pool.map(
                    lambda mode: server.get(f"/racer?mode={mode}", timeout=RACE_S + 180), modes))
            for answer in answers:
                self.assertEqual(answer.status, 200, answer)
                self.assertRegex(answer.body.decode(errors="replace"), r"(?m)^\d+ attempts")
                fortress.check(self, answer.body)


if __name__ == "__main__":
    harness.main()
