#!/usr/bin/env python3
"""Do three hostile functions at full pressure disturb a healthy fourth one?

    ./dev bench fairness [--rounds 3] [--seconds 4] [--only tiny|work] [--json]

Hostile, each with its own closed loop of connections and the default limits: endless loops; guests
that grow and touch all their memory, or trap at once; floods of output. Healthy: `tiny` (prints a
line) and `work` (about a millisecond of CPU), offered 20 % of one core by an open loop. Rounds
alone and under pressure alternate. Verdict: the median p99 under pressure is at most the larger of
twice the median p99 alone and that plus 3 ms. Standard library only.
"""
import argparse
import os
import statistics
import sys
import time

import load
from load import Failure
from serve import carry_out

HEALTHY = {"tiny": load.work(0.01), "work": load.work(1000)}
PART_OF_CORE = 0.2
ALLOWED_FACTOR, ALLOWED_MORE_US = 2, 3000
SETTLE_SECONDS = 1.0

HOSTILE = {
    "loops": '(module (memory (export "memory") 1)\n'
             '  (func (export "_start") (loop $again (br $again))))',
    # One run in two grows and touches all that it may have; each ends by a trap.
    "growth": """(module
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $page i32)
    (drop (call $random_get (i32.const 0) (i32.const 1)))
    (if (i32.and (i32.load8_u (i32.const 0)) (i32.const 1))
      (then
        (loop $more
          (local.set $page (memory.grow (i32.const 1)))
          (if (i32.ne (local.get $page) (i32.const -1))
            (then
              (memory.fill (i32.mul (local.get $page) (i32.const 65536)) (i32.const 7)
                (i32.const 65536))
              (br $more))))))
    (unreachable)))""",
    "flood": """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\\00\\00\\00\\00\\00\\00\\01\\00")
  (func (export "_start")
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))""",
}


def healthy_only(report, name):
    """A round that counts: everything was answered, and well."""
    phase = report["phases"][0]
    bad = phase["answered"] - phase["success"]
    if phase["success"] == 0 or bad or phase["cut"]:
        load.say(f"  {name}: not all answers were good: {phase['statuses']}, {phase['cut']} cut, "
                 f"{phase['given_up']} given up")
    return phase


def calibrate(session, name):
    """Requests per second that cost 20 % of a core, found by asking twice."""
    rate = 100.0
    for _ in range(3):
        before = session.server.counters()["cpu_us"]
        phase = session.open_loop("/" + name, [f"{rate}:1.5"], "--connections", "64")["phases"][0]
        if phase["success"] == 0:
            raise Failure(f"{name} does not answer: {phase['statuses']}")
        each_us = (session.server.counters()["cpu_us"] - before) / phase["answered"]
        rate = PART_OF_CORE * 1e6 / each_us
    return rate, each_us


def measure(session, name, rate, options, is_pressed):
    pressure = []
    if is_pressed:
        pressure = [session.press("/" + hostile, options.connections) for hostile in HOSTILE]
        time.sleep(SETTLE_SECONDS)
    before = session.server.counters()["cpu_us"]
    begun = time.monotonic()
    report = session.open_loop("/" + name, [f"{rate:.1f}:{options.seconds}"],
                               "--connections", "1000")
    phase = healthy_only(report, name)
    elapsed_us = (time.monotonic() - begun) * 1e6
    phase["server_cores"] = (session.server.counters()["cpu_us"] - before) / elapsed_us
    session.end_pressure(pressure)
    return phase


def median(rounds, key):
    return statistics.median(phase["latency_us"][key] for phase in rounds)


def total(rounds, key):
    return sum(phase[key] for phase in rounds)


def judge(name, rate, each_us, alone, pressed):
    result = {"function": name, "rate": round(rate, 1), "cpu_us_per_request": round(each_us, 1)}
    for title, rounds in (("alone", alone), ("pressed", pressed)):
        result[title] = {key: median(rounds, key) for key in ("p50", "p90", "p99", "p99.9", "max")}
        result[title]["p99_rounds"] = [phase["latency_us"]["p99"] for phase in rounds]
        result[title]["offered"] = total(rounds, "offered")
        result[title]["success"] = total(rounds, "success")
        result[title]["sent_late_p99"] = statistics.median(
            phase["sent_late_us"]["p99"] for phase in rounds)
        result[title]["server_cores"] = round(statistics.median(
            phase["server_cores"] for phase in rounds), 2)
    p99 = result["alone"]["p99"]
    result["allowed_p99"] = max(ALLOWED_FACTOR * p99, p99 + ALLOWED_MORE_US)
    result["is_fair"] = (result["pressed"]["p99"] <= result["allowed_p99"]
                         and result["pressed"]["success"] == result["pressed"]["offered"])
    return result


def run(options):
    functions = {name: (text, "") for name, text in {**HEALTHY, **HOSTILE}.items()}
    arguments = ["--threads", str(options.threads), *options.godwit_argument]
    results = []
    with load.Session(options, functions, arguments) as session:
        for name in [options.only] if options.only else HEALTHY:
            rate, each_us = calibrate(session, name)
            alone, pressed = [], []
            for number in range(options.rounds):
                load.say(f"{name}: round {number + 1} of {options.rounds}, {rate:.0f} requests/s")
                alone.append(measure(session, name, rate, options, is_pressed=False))
                pressed.append(measure(session, name, rate, options, is_pressed=True))
            results.append(judge(name, rate, each_us, alone, pressed))
    return results


def print_results(results, options):
    how = "real time" if os.geteuid() == 0 else "not real time (only root's can be): it may starve"
    print(f"{options.connections} connections each to {', '.join(HOSTILE)}; {options.rounds} "
          f"rounds of {options.seconds} s, medians in µs from the\nintended moment; "
          f"{options.threads} workers on {os.cpu_count()} cores; the healthy load is {how}, the "
          "hostile loads are nice +10\n")
    print(f"{'':14}{'p50':>9}{'p90':>9}{'p99':>9}{'p99.9':>9}{'max':>10}{'answered':>16}"
          f"{'sent late p99':>15}{'cores':>7}")
    for result in results:
        print(f"{result['function']}: {result['rate']:.0f}/s of "
              f"{result['cpu_us_per_request']:.0f} µs CPU")
        for title in ("alone", "pressed"):
            row = result[title]
            answered = f"{row['success']}/{row['offered']}"
            print(f"  {title:12}{row['p50']:9.0f}{row['p90']:9.0f}{row['p99']:9.0f}"
                  f"{row['p99.9']:9.0f}{row['max']:10.0f}{answered:>16}"
                  f"{row['sent_late_p99']:15.0f}{row['server_cores']:7.2f}")
        verdict = "fair" if result["is_fair"] else "NOT FAIR"
        print(f"  {verdict}: p99 {result['pressed']['p99']:.0f}, allowed "
              f"{result['allowed_p99']:.0f}; rounds {result['pressed']['p99_rounds']} against "
              f"{result['alone']['p99_rounds']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     prog="./dev bench fairness")
    load.add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of one round")
    parser.add_argument("--connections", type=int, default=16, help="to each hostile function")
    parser.add_argument("--only", choices=sorted(HEALTHY))
    parser.add_argument("--godwit-argument", action="append", default=[], metavar="ARGUMENT",
                        help="passed to godwit serve (repeatable)")
    options = parser.parse_args()
    return carry_out(options, run, print_results,
                     is_good=lambda results: all(result["is_fair"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
