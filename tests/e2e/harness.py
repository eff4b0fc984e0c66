"""Starts the real `godwit serve` and talks to it; what every end-to-end test uses.

    class Greeting(harness.ServerTest):
        @classmethod
        def functions(cls, folder):
            folder.add("hello", harness.wat("hello"))

        def test_greets(self):
            self.assertEqual(self.get("/hello").body, b"hello\n")

    if __name__ == "__main__":
        harness.main()

Environment: GODWIT_BIN (the program), GODWIT_GUESTS (guests built from C and Rust),
GODWIT_COMPONENTS (those that are components), GODWIT_SANITIZED (set when the program is
instrumented: it is slower and larger). Everything is private to the process
and below one temporary folder; servers listen on ports that the kernel picks; what was started is
ended by its pid.
"""
import atexit
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

SOURCE = pathlib.Path(os.environ.get("GODWIT_SOURCE_DIR",
                                     pathlib.Path(__file__).resolve().parents[2]))
SANITIZED = bool(os.environ.get("GODWIT_SANITIZED"))
# How long anything may take before it counts as lost. No test asserts that something is fast.
PATIENCE_S = 60 if SANITIZED else 30
SKIPPED = 77  # ctest's SKIP_RETURN_CODE

READY = re.compile(r"ready (http://(?P<host>[^ :]+):(?P<port>\d+))(,http://\S+)* "
                   r"functions=(?P<functions>\d+)( admin=\S+)?"
                   r"( metrics=http://\S+:(?P<metrics>\d+))?\n")

_scratch = None


def scratch():
    """This process's temporary folder, removed at its end."""
    global _scratch
    if _scratch is None:
        _scratch = pathlib.Path(tempfile.mkdtemp(prefix="godwit-e2e-"))
        atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
    return _scratch


def program():
    path = os.environ.get("GODWIT_BIN")
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError("GODWIT_BIN must name the godwit program")
    return path


def wat(name):
    """The text of tests/guests/NAME.wat."""
    return (SOURCE / "tests/guests" / f"{name}.wat").read_bytes()


def c_guest(name):
    """The module that was built from tests/guests/NAME.c (or .rs)."""
    folder = os.environ.get("GODWIT_GUESTS", "")
    path = pathlib.Path(folder) / f"{name}.wasm"
    if not folder or not path.is_file():
        raise unittest.SkipTest(f"{name}.wasm is not built: clang-19 with wasi-libc (or rustc for "
                                "wasm32-wasip1) is missing")
    return path.read_bytes()


def component(name):
    """The component that was built from tests/components."""
    folder = os.environ.get("GODWIT_COMPONENTS", "")
    path = pathlib.Path(folder) / f"{name}.wasm"
    if not folder or not path.is_file():
        raise unittest.SkipTest(f"{name}.wasm is not built: rustc for wasm32-wasip2 is missing")
    return path.read_bytes()


def steps(*each):
    """The query that makes tests/guests/probe.c take these steps."""
    return "run=" + urllib.parse.quote_plus("|".join(each))


def wait_for(condition, what, seconds=PATIENCE_S):
    """The first true value of condition(); fails after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


class Folder:
    """A folder of functions that only this user can write."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(dir=scratch(), prefix="functions-"))

    def add(self, name, module, settings=None):
        """`module`: bytes of a module, or of its text. `settings`: the text of NAME.toml."""
        ending = "wasm" if module[:4] == b"\0asm" else "wat"
        if settings is not None:
            self.write(f"{name}.toml", settings.encode())
        self.write(f"{name}.{ending}", module)

    def write(self, relative, content, mode=0o644):
        """Appears at once, as a careful deployment would do it."""
        path = self.path / relative
        for parent in reversed(path.relative_to(self.path).parents):
            (self.path / parent).mkdir(mode=0o755, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(content)
        temporary.chmod(mode)
        temporary.rename(path)
        return path

    def remove(self, relative):
        (self.path / relative).unlink()


class Response:
    def __init__(self, status, fields, body, complete=True, reason=""):
        self.status = status
        self.fields = fields  # in order, names as they came
        self.body = body
        self.complete = complete  # False: it ended before its framing said so
        self.reason = reason

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name):
        found = self.values(name)
        return found[0] if found else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def problem(self):
        """The problem document; fails when it is none."""
        if self.value("content-type") != "application/problem+json":
            raise AssertionError(f"no problem document but {self}")
        return json.loads(self.body)

    @property
    def code(self):
        return self.problem["code"]

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:400]!r} complete={self.complete}"


class Server:
    """One `godwit serve`. Ends with the `with` block, or by stop(), or when the process exits."""

    _all = []

    def __init__(self, folder, *options, state=None, command=None, json_log=True, environment=None,
                 stderr=subprocess.PIPE):
        self.folder = folder
        self.state = state or scratch() / "state"
        self.command = command or [
            program(), "serve", str(folder.path), "--listen", "127.0.0.1:0",
            "--state-dir", str(self.state), *(["--log-format", "json"] if json_log else []),
            *options]
        self._lines = []
        self._changed = threading.Condition()
        self._stdout = b""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stderr, env={**os.environ, **(environment or {})})
        readers = [self._read_stdout] + [self._read_stderr] * (stderr == subprocess.PIPE)
        self._readers = [threading.Thread(target=reader, daemon=True) for reader in readers]
        for reader in self._readers:
            reader.start()
        self.port = None
        Server._all.append(self)

    @classmethod
    def started(cls, folder, *options, **keywords):
        server = cls(folder, *options, **keywords)
        server.wait_ready()
        return server

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            sys.stderr.write(self.tail())
            self.kill()

    # --- its life

    def wait_ready(self):
        wait_for(lambda: b"\n" in self._stdout or self.process.poll() is not None, "the ready line")
        line = self._stdout.decode()
        match = READY.fullmatch(line)
        if not match:
            self.kill()
            raise AssertionError(f"no ready line but {line!r}\n{self.tail()}")
        self.port = int(match["port"])
        self.function_count = int(match["functions"])
        self.metrics_port = match["metrics"] and int(match["metrics"])

    def signal(self, number):
        self.process.send_signal(number)

    def wait_end(self, seconds=PATIENCE_S):
        """The exit code, after the last of its output was read."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds} s\n{self.tail()}") from None
        self._close()
        return code

    def _close(self):
        for reader in self._readers:
            reader.join(PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def stop(self):
        """SIGTERM; fails when the server does not end well."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.wait_end()
        if code != 0:
            raise AssertionError(f"the server ended with {code}\n{self.tail()}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._close()

    @classmethod
    def kill_all(cls):
        for server in cls._all:
            server.kill()

    # --- what it says

    def _read_stdout(self):
        while chunk := os.read(self.process.stdout.fileno(), 4096):
            self._stdout += chunk

    def _read_stderr(self):
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(line.decode(errors="replace"))
                self._changed.notify_all()

    @property
    def stdout(self):
        return self._stdout.decode()

    @property
    def lines(self):
        with self._changed:
            return list(self._lines)

    def tail(self, count=12):
        return f"--- {' '.join(self.command)}\n" + "".join(self.lines[-count:])

    def log(self, **wanted):
        """The log records so far in which each given field has the given value."""
        records = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [record for record in records
                if all(record.get(name) == value for name, value in wanted.items())]

    def wait_log(self, count=1, **wanted):
        """The log's lines come a moment after what they tell of."""
        wait_for(lambda: len(self.log(**wanted)) >= count, f"{count} log lines with {wanted}")
        return self.log(**wanted)[-1]

    def access(self, response):
        """The access record of a response."""
        return self.wait_log(part="access", request_id=response.value("x-request-id"))

    def status_kb(self, field):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1])

    # --- what it is asked

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE_S):
        """One request on a connection of its own. `body`: bytes, or an iterable sent chunked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            chunked = body is not None and not isinstance(body, bytes)
            headers = {"Connection": "close", **(headers or {})}
            if chunked:
                headers["Transfer-Encoding"] = "chunked"
            connection.request(method, path, body, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            try:
                content, complete = answer.read(), True
            except http.client.IncompleteRead as error:
                content, complete = error.partial, False
            except ConnectionResetError:  # after the head
                content, complete = b"", False
            return Response(answer.status, answer.getheaders(), content, complete, answer.reason)
        finally:
            connection.close()

    def get(self, path, **keywords):
        return self.request("GET", path, **keywords)


atexit.register(Server.kill_all)


def children(pid):
    """The pids of a process's children, those of its threads included."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(text) for text in path.read_text().split()]
    return found


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def is_readable(connection, seconds):
    return bool(select.select([connection], [], [], seconds)[0])


class ServerTest(unittest.TestCase):
    """Tests that share one server, started with `options` over what functions() adds."""

    options = ("--threads", "2")
    server = None

    @classmethod
    def functions(cls, folder):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        folder = Folder()
        cls.functions(folder)
        cls.server = Server.started(folder, *cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before and self.server:
            sys.stderr.write(self.server.tail())

    def get(self, path, **keywords):
        return self.server.get(path, **keywords)

    def request(self, method, path, **keywords):
        return self.server.request(method, path, **keywords)

    def assert_problem(self, response, status, code):
        """Godwit itself answered, in the form that the contract promises."""
        self.assertEqual((response.status, response.code), (status, code), response)
        problem = response.problem
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["type"], f"urn:godwit:error:{code}")
        self.assertTrue(problem["title"])
        self.assertEqual(problem["request_id"], response.value("x-request-id"))
        self.assertTrue(response.complete)


def main():
    """As unittest.main(), but tells ctest when nothing could run."""
    outcome = unittest.main(verbosity=2, exit=False).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    # A class that is skipped as a whole counts as skipped but not as run.
    if outcome.skipped and len(outcome.skipped) >= outcome.testsRun:
        sys.exit(SKIPPED)
    sys.exit(0 if outcome.testsRun else "no test ran")
