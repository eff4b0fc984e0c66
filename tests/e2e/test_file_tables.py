"""The tables of tests/file_tables on the real server: file operations, ways out, quotas, asked by a
core module (WASI preview 1) and by components alike, of folders in memory and of the host."""
import dataclasses
import unittest

import harness
import test_files

TABLES = harness.SOURCE / "tests/file_tables"


@dataclasses.dataclass
class Row:
    question: str
    answer: str
    otherwise: dict = dataclasses.field(default_factory=dict)  # "godwit", "tmpfs" → answer

    def wanted(self, place):
        """The line that must come from a folder of that kind."""
        own = self.otherwise.get(place, self.otherwise.get("godwit", self.answer))
        return f"{self.question} -> {own}"


def table(name):
    """The rows of a table, in their order."""
    rows = []
    for line in (TABLES / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        left, arrow, right = line.partition(" -> ")
        if not line.startswith(" "):
            rows.append(Row(left, right))
            continue
        answer, mark, reason = right.partition("  # ")
        if left.strip() not in ("godwit", "tmpfs") or not (arrow and mark and reason):
            raise AssertionError(f"{name}.txt: not a case with its reason: {line}")
        rows[-1].otherwise[left.strip()] = answer
    return rows


def grants(**folders):
    """`one="tmpfs = …"` as the value of a function's `files`: /one."""
    return ", ".join(f'"/{name}" = {{ {what} }}' for name, what in folders.items())


def serve(module, functions, volumes=""):
    """One server with the module under several names, each with its own files."""
    folder = harness.Folder()
    folder.write("guest.wasm", module)
    text = "".join(f'[function.{name}]\nsource = "guest.wasm"\nfiles = {{ {files} }}\n'
                   for name, files in functions.items())
    folder.write("godwit.toml", (text + volumes).encode())
    return harness.Server.started(folder)


def volume(name, path, more='modes = ["read", "write"]'):
    return f'[volume.{name}]\npath = "{path}"\n{more}\n'


class Tables:
    """What every kind of guest must do; the classes below say which guest."""
    maxDiff = None
    module = None
    path = ""  # behind the function's name
    has_positions = True  # it reads and writes at a position by one call

    def check(self, server, function, name, place):
        if name == "positions" and not self.has_positions:
            return b""
        rows = table(name)
        asked = "".join(f"{row.question}\n" for row in rows).encode()
        response = server.request("POST", f"/{function}{self.path}", body=asked)
        self.assertEqual(response.status, 200, response)
        self.assertEqual(response.text.splitlines(), [row.wanted(place) for row in rows], name)
        return response.body

    def test_in_memory(self):
        roomy = 'tmpfs = "4MiB"'
        functions = {"one": grants(data=roomy), "two": grants(data=roomy, other=roomy),
                     "small": grants(data='tmpfs = "64KiB", files = 8')}
        with serve(self.module, functions) as server:
            for function, name in (("one", "filesystem"), ("one", "positions"), ("one", "escapes"),
                                   ("two", "two_grants"), ("small", "quota")):
                with self.subTest(name):
                    self.check(server, function, name, "tmpfs")

    def test_in_folders_of_the_host(self):
        data, other, small = (harness.Folder().path for _ in range(3))
        volumes = volume("data", data) + volume("other", other) + volume(
            "small", small, 'modes = ["read", "write"]\nmax-size = "64KiB"\nmax-files = 8')
        writable = {name: f'volume = "{name}", mode = "write"' for name in ("data", "other",
                                                                           "small")}
        functions = {"one": grants(data=writable["data"]),
                     "two": grants(data=writable["data"], other=writable["other"]),
                     "small": grants(data=writable["small"])}
        with serve(self.module, functions, volumes) as server:
            for function, name in (("one", "filesystem"), ("one", "positions"), ("one", "escapes"),
                                   ("two", "two_grants"), ("small", "quota")):
                with self.subTest(name):
                    self.check(server, function, name, "volume")
                    for folder in (data, other, small):
                        self.assertEqual(list(folder.iterdir()), [])

    def test_planted_links_lead_nowhere(self):
        fortress = test_files.Fortress()
        files = grants(data='volume = "data", mode = "write"')
        with serve(self.module, {"one": files}, volume("data", fortress.inside)) as server:
            fortress.check(self, self.check(server, "one", "planted", "volume"))

    def test_what_is_granted_for_reading_stays_as_it_is(self):
        folder = harness.Folder().path
        (folder / "f").write_text("here")
        (folder / "l").symlink_to("f")
        (folder / "d").mkdir()
        (folder / "d/g").write_text("there")
        before = test_files.snapshot(folder)
        with serve(self.module, {"one": grants(data='volume = "data"')},
                   volume("data", folder, 'modes = ["read"]')) as server:
            self.check(server, "one", "read_only", "volume")
        self.assertEqual(test_files.snapshot(folder), before)


class Preview1(Tables, unittest.TestCase):
    """A core module, by calls of its own."""
    @classmethod
    def setUpClass(cls):
        cls.module = harness.c_guest("files_preview1")


class Component(Tables, unittest.TestCase):
    """A component that speaks wasi:http, by WASI 0.2."""
    path = "/fs"

    @classmethod
    def setUpClass(cls):
        cls.module = harness.component("probe")


class ComponentCommand(Tables, unittest.TestCase):
    """A component with wasi:cli/run, by WASI 0.2."""
    path = "?run=files"

    @classmethod
    def setUpClass(cls):
        cls.module = harness.component("cli_command")


class ConcurrentComponent(Component):
    """A component that speaks wasi:http, by WASI 0.3: bytes go by streams alone."""
    has_positions = False

    @classmethod
    def setUpClass(cls):
        cls.module = harness.component("probe3")


class ConcurrentCommand(ConcurrentComponent):
    """A component with wasi:cli/run, by WASI 0.3."""
    path = "?run=files"

    @classmethod
    def setUpClass(cls):
        cls.module = harness.component("cli3")


if __name__ == "__main__":
    harness.main()
