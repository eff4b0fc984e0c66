"""What the benchmarks under load share: guests that cost a known time, bench/open_loop, precedence.

    with load.Session(options, {"work": (load.work(1000), "")}, ["--threads", "2"]) as session:
        report = session.open_loop("/work", ["100:3"])["phases"][0]
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from serve import Failure, Server

ROOT = pathlib.Path(__file__).resolve().parents[1]
# A turn of work()'s loop takes about this long on the machines that CI has; what it really costs is
# measured wherever it matters.
TURNS_PER_US = 700
SCRAPE_SECONDS = 0.2


def work(microseconds):
    """The text of a guest that computes for about so long, then prints a line."""
    return f"""(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00")
  (data (i32.const 16) "done\\n")
  (func (export "_start")
    (local $left i32) (local $x i64)
    (local.set $left (i32.const {int(microseconds * TURNS_PER_US)}))
    (loop $again
      (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005))
                             (i64.const 1442695040888963407)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i64.store (i32.const 32) (local.get $x))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""


def measure_at_once():
    """Runs in the child that measures: in real time, so that it never measures its own waiting."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass  # only root may; "sent late" tells


def stand_back():
    """Runs in the children that are pressure only."""
    os.nice(10)


class Session:
    """A served folder and the generators that load it; all of it ends with the `with` block."""

    def __init__(self, options, functions, arguments):
        self.options = options
        self.functions = functions  # name → (text, settings)
        self.arguments = arguments
        self.generators = []
        self._scratch = tempfile.TemporaryDirectory(prefix="godwit-bench-")
        self.server = None

    def __enter__(self):
        scratch = pathlib.Path(self._scratch.name)
        folder = scratch / "functions"
        folder.mkdir(mode=0o755)
        for name, (text, settings) in self.functions.items():
            for ending, content in (("wat", text), ("toml", settings)):
                (folder / f"{name}.{ending}").write_text(content)
                (folder / f"{name}.{ending}").chmod(0o644)
        state = scratch / "state"
        state.mkdir(mode=0o700)
        for needed in ("godwit", "open_loop"):
            if not os.access(self.options.build / needed, os.X_OK):
                raise Failure(f"{self.options.build / needed} is not there (./dev build makes it)")
        # An access line a request would measure the disk.
        command = [str(self.options.build / "godwit"), "serve", str(folder),
                   "--listen", "127.0.0.1:0", "--state-dir", str(state),
                   "--log-level", "warning", *self.arguments]
        with open(scratch / "stderr.log", "wb") as log:
            self.server = Server("godwit", command, log)
        return self

    def __exit__(self, *_):
        for generator in self.generators:
            if generator.poll() is None:
                generator.kill()
            generator.wait()
            generator.stdout.close()
        if self.server is not None:
            self.server.stop()
        self._scratch.cleanup()

    def generate(self, path, words, prepare):
        process = subprocess.Popen(
            [str(self.options.build / "open_loop"), self.server.url + path, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=prepare)
        self.generators.append(process)
        return process

    def open_loop(self, path, phases, *words, prepare=measure_at_once):
        """Its report."""
        for phase in phases:
            words += ("--phase", phase)
        process = self.generate(path, list(words), prepare)
        text, _ = process.communicate(timeout=600)
        if process.returncode != 0:
            raise Failure(f"open_loop ended with {process.returncode}")
        if self.server.process.poll() is not None:
            raise Failure("the server has died")
        return json.loads(text)

    def press(self, path, connections):
        """A closed loop until end_pressure()."""
        return self.generate(path, ["--closed", str(connections), "--phase", "0:3600",
                                    "--patience-ms", "60000"], stand_back)

    def end_pressure(self, processes):
        for process in processes:
            if process.poll() is not None:
                raise Failure("a generator of pressure has ended by itself")
            process.terminate()  # resets its connections: their guests are cancelled
            process.communicate(timeout=30)
        self.wait_idle()

    def wait_idle(self, seconds=15):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            before = self.server.counters()["cpu_us"]
            time.sleep(0.3)
            if self.server.counters()["cpu_us"] - before < 15_000:
                return
        say("  the server is still busy: what follows is measured beside that")

    def resident_mib(self):
        status = pathlib.Path("/proc", str(self.server.process.pid), "status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


class Watch:
    """Meanwhile: the largest RSS, and whether the metrics side answers."""

    def __init__(self, session, metrics_url):
        self.session, self.metrics_url = session, metrics_url
        self.peak_mib = 0.0
        self.answers, self.failures, self.slowest_ms = 0, 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        while not self._stop.wait(SCRAPE_SECONDS):
            self.peak_mib = max(self.peak_mib, self.session.resident_mib())
            if self.metrics_url:
                self._ask()

    def _ask(self):
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(self.metrics_url, timeout=10) as response:
                response.read()
            self.answers += 1
        except (OSError, urllib.error.URLError):
            self.failures += 1
        self.slowest_ms = max(self.slowest_ms, (time.monotonic() - begun) * 1e3)


def metrics_address(build):
    """HOST:PORT for --metrics; None when the program has no such option yet."""
    words = subprocess.run([str(build / "godwit"), "serve", "--help"], capture_output=True,
                           text=True, timeout=30, check=False).stdout
    if "--metrics" not in words:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def add_arguments(parser):
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release",
                        help="the folder that holds godwit and open_loop")
    parser.add_argument("--threads", type=int, default=min(os.cpu_count(), 2),
                        help="of the server (default: at most 2)")
    parser.add_argument("--json", action="store_true")


def say(text):
    print(text, file=sys.stderr, flush=True)
