"""What the tests of the hostile corpus share: a served folder of guests, a healthy neighbour who
keeps asking meanwhile, what the server's process holds, and who judges the answers.

    with siege.Neighbour(server) as neighbour:
        wrong = siege.fire(server, ["loop_plain", "grow_by_one"], times=8)
    assert not wrong and not neighbour.failures
"""
import concurrent.futures
import http.client
import os
import pathlib
import random
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

# pylint: disable=wrong-import-position
import harness  # noqa: E402
from table import DEFAULT_LIMITS, ROWS  # noqa: E402

# How long an answer may take before it counts as lost: no test here says what is slow.
PATIENCE_S = 150
# The same for compilations, of which a hostile one may take half a minute of CPU time.
COMPILATION_S = 240
AT_ONCE = 12 if harness.SANITIZED else 48
GREETING = ("/greet?name=World", b"Hello, World!\n")


def options():
    limits = [word for key, value in DEFAULT_LIMITS.items() for word in ("--limit",
                                                                         f"{key}={value}")]
    return ["--threads", "2", *limits]


def add_neighbour(folder):
    """Its own CPU time and deadline are generous: it must never fail for being crowded."""
    greeting = (harness.SOURCE / "examples/greet-wat.wat").read_bytes()
    folder.add("greet", greeting, '[limits]\ncpu = "10s"\ntimeout = "60s"\n')


def add_guest(folder, name, module):
    folder.add(name, module, ROWS[name].settings or None)


def start(folder, *more):
    server = harness.Server(folder, *options(), *more, state=folder.path.with_suffix(".state"))
    harness.wait_for(lambda: server.stdout.endswith("\n") or server.process.poll() is not None,
                     "the ready line", 2 * PATIENCE_S)
    server.wait_ready()
    return server


def fetch(server, path, **keywords):
    return server.get(path, timeout=PATIENCE_S, **keywords)


def judge(name, response):
    """What is wrong with the answer; empty when nothing is."""
    row = ROWS[name]
    if not row.is_cut and not response.complete:
        return f"{name}: cut off: {response}"
    code = response.code if response.status >= 400 else ""
    if code in row.others:
        return ""
    if (response.status, code, response.complete) == (row.status, row.code, not row.is_cut):
        return ""
    return f"{name}: expected {row.status} {row.code}{' cut' if row.is_cut else ''}: {response}"


def fire(server, names, times, seed=1):
    """Each guest so many times, in random order, many at once. Returns what was wrong."""
    shots = [name for name in names for _ in range(times)]
    random.Random(seed).shuffle(shots)
    slowest = {}

    def shoot(name):
        begun = time.monotonic()
        try:
            return judge(name, fetch(server, "/" + name))
        except (OSError, http.client.HTTPException) as error:
            return f"{name}: no answer but {error!r}"
        finally:
            slowest[name] = max(slowest.get(name, 0), time.monotonic() - begun)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [complaint for complaint in pool.map(shoot, shots) if complaint]
    last = sorted(slowest, key=slowest.get, reverse=True)[:4]
    print("slowest answers:", ", ".join(f"{name} {slowest[name]:.2f} s" for name in last))
    return wrong


class Neighbour:
    """A client that asks a healthy function over and over, while the `with` block lasts."""

    def __init__(self, server, clients=2):
        self.server = server
        self.failures = []
        self.seconds = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_S)
            if thread.is_alive():
                self.failures.append("it waits for ever")

    def _run(self):
        path, body = GREETING
        while not self._stop.is_set() and not self.failures:
            begun = time.monotonic()
            try:
                response = fetch(self.server, path)
                if (response.status, response.body, response.complete) != (200, body, True):
                    self.failures.append(repr(response))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.seconds.append(time.monotonic() - begun)
            time.sleep(0.002)

    def summary(self):
        ordered = sorted(self.seconds) or [0.0]
        p50, p99 = (ordered[int(len(ordered) * part)] * 1e3 for part in (0.5, 0.99))
        return (f"the neighbour asked {len(self.seconds)} times: p50 {p50:.1f} ms, "
                f"p99 {p99:.1f} ms, at most {ordered[-1] * 1e3:.0f} ms")


class Footprint:
    """What the server's process holds."""

    def __init__(self, server):
        process = pathlib.Path("/proc", str(server.process.pid))
        self.descriptors = len(os.listdir(process / "fd"))
        self.threads = len(os.listdir(process / "task"))
        self.resident_mib = server.status_kb("VmRSS") / 1024

    def __repr__(self):
        return (f"{self.descriptors} descriptors, {self.threads} threads, "
                f"{self.resident_mib:.0f} MiB resident")


def compile_processes(server):
    """Pids below the server: the compile service (its keeper), and the children of jobs. Between
    the two is the loop that takes the jobs."""
    services = harness.children(server.process.pid)
    loops = [loop for service in services for loop in harness.children(service)]
    return services, [child for loop in loops for child in harness.children(loop)]


class Compilations:
    """What the children that compile get of the machine while somebody waits for their end. They
    have a low priority: on a busy machine they may get hardly anything for minutes, which is no
    fault. One that hangs does not wait for a processor, and is not excused."""

    def __init__(self, server):
        self.server = server
        self._times = {}  # pid → (ran, waited) when it was first seen, and now; in seconds

    def go_on(self):
        children = compile_processes(self.server)[1]
        for child in children:
            try:
                ran, waited, _ = pathlib.Path(f"/proc/{child}/schedstat").read_text().split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            now = int(ran) / 1e9, int(waited) / 1e9
            self._times[child] = self._times.get(child, (now,))[0], now
        return bool(children)

    def are_starved(self):
        ran, waited = (sum(now[what] - first[what] for first, now in self._times.values())
                       for what in (0, 1))
        return waited > max(2 * ran, COMPILATION_S / 4)

    def wait(self, is_over):
        """False: not over, and starved. Fails when they are not over for another reason."""
        until = time.monotonic() + COMPILATION_S
        while not is_over():
            self.go_on()
            if time.monotonic() > until:
                if not self.are_starved():
                    raise AssertionError(f"compiling after {COMPILATION_S} s: {self._times}")
                return False
            time.sleep(0.2)
        return True
