#!/usr/bin/env python3
"""How fast is `godwit serve`, and how near to a bare epoll loop on the same cores?

    ./dev bench serve [--rounds 5] [--seconds 3] [--only greet-wat] [--json]

Starts the release godwit on the greetings among the examples, and bench/epoll_responder as the
ceiling. Each round runs wrk against every target in turn, so that a noisy neighbour hits all alike.
Requests a second move by tens of percent on a shared machine; page faults, context switches, system
calls and CPU time per request move far less: compare those first (bench/README.md).
Standard library only. Every process is ended by its id.
"""
import argparse
import json
import os
import pathlib
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

READY_SECONDS = 180  # compiling every greeting the first time
# What is measured by default: examples by pattern, what stands behind their names, and settings
# besides their own (another way to run one is a row with both: "-reused", 'instances = "reused"').
ROWS = [("greet-*", "", ""), ("http-rust*", "", "")]
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


class Failure(Exception):
    """Something that ends the benchmark with a sentence."""


class Server:
    """A started server: its address, and what the kernel has counted for it."""

    def __init__(self, name, command, stderr):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr,
                                        stdin=subprocess.DEVNULL)
        self.url = self._wait_until_ready()

    def _wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        line = b""
        while b"\n" not in line:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                self.stop()
                raise Failure(f"{self.name} did not say `ready` (exit {self.process.returncode})")
            line += piece
        match = re.match(r"ready (http://[^\s,]+)", line.decode())
        if not match:
            self.stop()
            raise Failure(f"{self.name} said something else than `ready URL`: {line!r}")
        return match.group(1)

    def counters(self):
        """CPU µs, minor page faults and context switches of all its threads so far."""
        process = pathlib.Path("/proc", str(self.process.pid))
        # After the name, which may hold blanks and brackets: state is field 3 of proc(5).
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[14 - 3]) + int(fields[15 - 3])
        switches = cpu_ns = 0
        for task in (process / "task").iterdir():
            try:
                status = (task / "status").read_text()
                switches += sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)", status)))
                cpu_ns += int((task / "schedstat").read_text().split()[0])
            except OSError:
                pass  # the thread has ended meanwhile, or the kernel keeps no schedstat
        cpu_us = cpu_ns / 1e3 or ticks * 1e6 / os.sysconf("SC_CLK_TCK")
        return {"cpu_us": cpu_us, "page_faults": int(fields[10 - 3]), "switches": switches}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def parse_wrk(text):
    """wrk's report → requests, seconds, percentiles in µs, and what went wrong."""
    def microseconds(percent):
        found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M)
        return float(found.group(1)) * UNITS[found.group(2)] if found else float("nan")

    total = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m),", text)
    if not total:
        raise Failure(f"wrk's report was not understood:\n{text}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    socket_errors = re.search(r"Socket errors: (.*)", text)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    return {
        "requests": int(total.group(1)),
        "rate": float(rate.group(1)),
        "p50_us": microseconds(50),
        "p99_us": microseconds(99),
        "errors": int(bad.group(1)) if bad else 0,
        "socket_errors": socket_errors.group(1) if socket_errors else "",
    }


def run_wrk(url, threads, connections, seconds):
    command = ["wrk", "--latency", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          timeout=seconds + 60)
    if done.returncode != 0:
        raise Failure(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    report = parse_wrk(done.stdout)
    if report["requests"] == 0 or report["errors"] or report["socket_errors"]:
        raise Failure(f"{url}: {report['requests']} requests, {report['errors']} not 2xx, "
                      f"socket errors: {report['socket_errors'] or 'none'}")
    return report


class Target:
    """A URL of a server, and what was measured of it."""

    def __init__(self, name, server, path):
        self.name, self.server = name, server
        self.url = server.url + path
        self.rounds = []
        self.single_p50_us = float("nan")
        self.calls = None  # system calls per request, by name

    def measure(self, options):
        before = self.server.counters()
        report = run_wrk(self.url, options.wrk_threads, options.connections, options.seconds)
        after = self.server.counters()
        for key in ("cpu_us", "page_faults", "switches"):
            report[key] = (after[key] - before[key]) / report["requests"]
        self.rounds.append(report)

    def count_system_calls(self, options):
        """Under strace, which slows everything: only the counts mean something."""
        with tempfile.NamedTemporaryFile(mode="r", prefix="godwit-strace-") as summary:
            tracer = subprocess.Popen(
                ["strace", "-c", "-f", "-qq", "-o", summary.name, "-p",
                 str(self.server.process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                time.sleep(0.5)  # until it holds every thread
                if tracer.poll() is not None:
                    return
                report = run_wrk(self.url, 1, options.connections, 2)
            finally:
                if tracer.poll() is None:
                    tracer.send_signal(signal.SIGINT)
                tracer.wait(30)
            # "% time  seconds  usecs/call  calls  [errors]  syscall"
            rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$",
                              summary.read(), re.M)
        calls = {name: int(count) / report["requests"] for count, name in rows if name != "total"}
        if calls:
            self.calls = dict(sorted(calls.items(), key=lambda item: -item[1]))

    def median(self, key):
        return statistics.median(report[key] for report in self.rounds)

    def result(self, ceiling):
        rates = [report["rate"] for report in self.rounds]
        rate = statistics.median(rates)
        return {
            "name": self.name,
            "requests_per_second": round(rate),
            "spread_percent": round(100 * (max(rates) - min(rates)) / rate, 1),
            "of_ceiling": round(rate / ceiling.median("rate"), 3),
            "p50_us": round(self.median("p50_us"), 1),
            "p99_us": round(self.median("p99_us"), 1),
            "single_connection_p50_us": round(self.single_p50_us, 1),
            "cpu_us_per_request": round(self.median("cpu_us"), 2),
            "page_faults_per_request": round(self.median("page_faults"), 4),
            "context_switches_per_request": round(self.median("switches"), 4),
            "system_calls_per_request": round(sum(self.calls.values()), 3) if self.calls else None,
            "system_calls": {n: round(c, 4) for n, c in (self.calls or {}).items() if c >= 0.0005},
        }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     prog="./dev bench serve")
    root = pathlib.Path(__file__).resolve().parents[1]
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/release",
                        help="the folder that holds godwit and epoll_responder")
    parser.add_argument("--functions", type=pathlib.Path, default=root / "examples")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="this example (repeatable); default: every greet-* and http-rust*")
    parser.add_argument("--query", default="name=World")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one run of wrk")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--wrk-threads", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each server")
    parser.add_argument("--godwit-argument", action="append", default=[], metavar="ARGUMENT",
                        help="passed to godwit serve (repeatable), as --godwit-argument=--log=…")
    parser.add_argument("--baseline", type=pathlib.Path, metavar="GODWIT",
                        help="another godwit binary, measured in the same rounds")
    parser.add_argument("--no-strace", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if min(options.rounds, options.seconds, options.connections, options.wrk_threads,
           options.threads) < 1:
        parser.error("counts must be at least 1")
    return options


def functions_to_serve(options, folder):
    """Copies what is measured into a folder of its own; returns the names."""
    names = []
    rows = [(name, "", "") for name in options.only] or ROWS
    for pattern, suffix, more in rows:
        for source in sorted(options.functions.glob(f"{pattern}.wa[st]*")):
            if not source.is_file() or source.suffix not in (".wasm", ".wat"):
                continue
            name = source.stem + suffix
            shutil.copyfile(source, folder / f"{name}{source.suffix}")
            settings = source.with_suffix(".toml")
            text = more + (settings.read_text(encoding="utf-8") if settings.is_file() else "")
            if text:
                (folder / f"{name}.toml").write_text(text, encoding="utf-8")
            names.append(name)
    missing = sorted(set(options.only) - set(names))
    if missing or not names:
        raise Failure(f"not found in {options.functions}: {', '.join(missing) or 'greet-*'} "
                      "(./dev examples builds them)")
    return names


def start_godwit(name, binary, options, folder, state, log):
    if not os.access(binary, os.X_OK):
        raise Failure(f"{binary} is not there (./dev build makes it)")
    state.mkdir(mode=0o700)
    return Server(name, [str(binary), "serve", str(folder), "--listen", "127.0.0.1:0",
                         "--state-dir", str(state), "--threads", str(options.threads),
                         *options.godwit_argument], log)


def measure_all(targets, options):
    for target in targets:  # warm up: caches, branch predictors, kept sandboxes
        run_wrk(target.url, options.wrk_threads, options.connections, 1)
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        # There and back, so that being the first of a round is nobody's advantage.
        for target in targets if number % 2 == 0 else reversed(targets):
            target.measure(options)
    for target in targets:
        target.single_p50_us = run_wrk(target.url, 1, 1, 2)["p50_us"]
    if not options.no_strace and shutil.which("strace"):
        for target in targets:
            target.count_system_calls(options)


def print_table(results, options):
    print(f"wrk -t{options.wrk_threads} -c{options.connections}, {options.rounds} rounds of "
          f"{options.seconds} s on {os.cpu_count()} cores shared with the server; medians\n")
    columns = [("", "name", "{}"), ("req/s", "requests_per_second", "{}"),
               ("spread", "spread_percent", "{}%"), ("ceiling", "of_ceiling", "{:.0%}"),
               ("p50 µs", "p50_us", "{:.0f}"), ("p99 µs", "p99_us", "{:.0f}"),
               ("c=1 p50", "single_connection_p50_us", "{:.0f}"),
               ("CPU µs", "cpu_us_per_request", "{:.1f}"),
               ("faults", "page_faults_per_request", "{:.3f}"),
               ("switches", "context_switches_per_request", "{:.3f}"),
               ("syscalls", "system_calls_per_request", "{:.2f}")]
    rows = [[title for title, _, _ in columns]]
    for result in results:
        rows.append(["-" if result[key] is None else form.format(result[key])
                     for _, key, form in columns])
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])]
                        + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))
    print("\nCPU µs, faults, switches and syscalls are the server's own, per request.")
    for result in results:
        calls = [f"{name} {count:.3g}" for name, count in result["system_calls"].items()]
        if calls:
            print(f"  {result['name']}: {', '.join(calls[:8])}")


def run(options):
    if not shutil.which("wrk"):
        raise Failure("wrk is not installed (./dev bench installs it)")
    servers = []
    with tempfile.TemporaryDirectory(prefix="godwit-bench-") as scratch_name:
        scratch = pathlib.Path(scratch_name)
        folder = scratch / "functions"
        folder.mkdir(mode=0o755)
        names = functions_to_serve(options, folder)
        with open(scratch / "stderr.log", "wb") as log:
            try:
                responder = [str(options.build / "epoll_responder"), str(options.threads)]
                servers.append(Server("epoll_responder", responder, log))
                targets = [Target("(ceiling)", servers[0], "/")]
                binaries = [("", options.build / "godwit")]
                if options.baseline:
                    binaries.append((" (baseline)", options.baseline))
                for index, (suffix, binary) in enumerate(binaries):
                    server = start_godwit("godwit" + suffix, binary, options, folder,
                                          scratch / f"state-{index}", log)
                    servers.append(server)
                    targets += [Target(name + suffix, server, f"/{name}?{options.query}")
                                for name in names]
                measure_all(targets, options)
            except (Failure, OSError, subprocess.TimeoutExpired) as error:
                log.flush()
                tail = (scratch / "stderr.log").read_text(errors="replace").splitlines()[-15:]
                raise Failure("\n".join([*tail, str(error)])) from error
            finally:
                for server in reversed(servers):
                    server.stop()
    return [target.result(targets[0]) for target in targets]


def carry_out(options, run, show, to_json=lambda results: results, is_good=lambda results: True):
    """Measures and shows what was found; the exit code."""
    # So that every `finally` that ends servers is reached when this process is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        results = run(options)
    except Failure as failure:
        print(f"bench: error: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps(to_json(results), indent=2))
    else:
        show(results, options)
    return 0 if is_good(results) else 1


def main():
    options = arguments()
    return carry_out(options, run, print_table, lambda targets: {
        "connections": options.connections, "rounds": options.rounds, "seconds": options.seconds,
        "cores": os.cpu_count(), "targets": targets})


if __name__ == "__main__":
    sys.exit(main())
