#!/usr/bin/env python3
"""What a server does with three times the load that it can carry.

    ./dev bench overload [--seconds 5] [--only work|tiny] [--json]

For a guest with about 2 ms of CPU, and for a tiny one: finds the peak (closed loops), then offers
half of it, three times it, and half of it again in an open loop with many connections (who finds
all of them busy is not sent). Good is a 2xx within a second of the intended moment. Verdict: good
answers under overload are at least 90 % of the peak; whoever is refused gets 429 or 503 with
Retry-After; from one second after the overload on all is as before it; memory stays bounded; the
metrics side (if there is one) always answers.
The generator is on the same machine: for the tiny guest it is the bottleneck, and that line is only
for information. Standard library only.
"""
import argparse
import os
import sys

import load
from load import Failure
from serve import carry_out

GUESTS = {"work": load.work(2000), "tiny": load.work(0.01)}
GOODPUT, RECOVERED = 0.9, 0.99
MEMORY_MIB = 512  # what an overload may cost besides
PHASES = ("normal", "overload", "first second", "after")


# Where the generator costs as much as the server, its right of way would be the server's hunger.
# Where it costs little, it is made to cost no more at three times the load than at the peak.
PREPARE = {"work": load.measure_at_once, "tiny": None}
PAUSE_MS = {"work": "5", "tiny": "0"}


def find_peak(session, name, seconds):
    best, path = 0.0, "/" + name
    for connections in (4, 16, 64):
        report = session.open_loop(path, [f"0:{seconds}"], "--closed", str(connections),
                                   prepare=PREPARE[name])
        best = max(best, report["phases"][0]["good_rate"])
    if best == 0:
        raise Failure(f"{path} does not answer")
    return best


def clients_of(options):
    return ("--connections", str(options.connections), "--patience-ms", str(options.patience_ms),
            "--wait-ms", "100", "--good-ms", "1000")


def offer(session, name, peak, options):
    rates = (peak / 2, peak * options.factor, peak / 2, peak / 2)
    seconds = (options.seconds, options.seconds, 1, options.seconds)
    phases = [f"{rate:.1f}:{time}" for rate, time in zip(rates, seconds)]
    report = session.open_loop("/" + name, phases, *clients_of(options), "--pause-ms",
                               PAUSE_MS[name], prepare=PREPARE[name])
    return dict(zip(PHASES, report["phases"]))


def judge(name, peak, phases, watch, before_mib):
    over, after, normal = phases["overload"], phases["after"], phases["normal"]
    refused = sum(over["statuses"].get(status, 0) for status in ("429", "503"))
    strange = over["answered"] - over["success"] - refused
    allowed_us = max(2 * normal["latency_us"]["p99"], normal["latency_us"]["p99"] + 10_000)
    checks = {
        "goodput": over["good_rate"] >= GOODPUT * peak,
        "refusals": refused > 0 and strange == 0 and over["retry_after"] == refused,
        "nobody left waiting": over["cut"] == 0 and over["given_up"] == 0,
        "recovery": (after["good"] >= RECOVERED * after["offered"]
                     and after["latency_us"]["p99"] <= allowed_us),
        "memory": watch.peak_mib - before_mib <= MEMORY_MIB,
    }
    if watch.metrics_url:
        checks["metrics side"] = watch.failures == 0 and watch.answers > 0
    return {"function": name, "peak": round(peak, 1), "phases": phases, "checks": checks,
            "goodput_of_peak": round(over["good_rate"] / peak, 3),
            "rss_mib": {"before": round(before_mib), "highest": round(watch.peak_mib)},
            "metrics": {"answers": watch.answers, "failures": watch.failures,
                        "slowest_ms": round(watch.slowest_ms, 1)} if watch.metrics_url else None,
            # Offered less than twice the peak: the generator could not do what was asked of it.
            "is_valid": name != "tiny" and over["offered"] / over["seconds"] >= 2 * peak}


def run(options):
    metrics = load.metrics_address(options.build)
    arguments = ["--threads", str(options.threads), *options.godwit_argument]
    arguments += ["--metrics", metrics] if metrics else []
    url = f"http://{metrics}/metrics" if metrics else None
    results = []
    for name in [options.only] if options.only else GUESTS:
        # A server for each, so that one's memory is not the other's.
        with load.Session(options, {name: (GUESTS[name], "")}, arguments) as session:
            load.say(f"{name}: the peak")
            peak = find_peak(session, name, options.peak_seconds)
            before_mib = session.resident_mib()
            load.say(f"{name}: {peak:.0f} requests/s; now {options.factor} times that")
            with load.Watch(session, url) as watch:
                phases = offer(session, name, peak, options)
            results.append(judge(name, peak, phases, watch, before_mib))
    return results


def print_results(results, options):
    print(f"{options.connections} connections, good within 1 s, clients give up after "
          f"{options.patience_ms} ms; {options.threads} workers on {os.cpu_count()} cores that the "
          "generator shares" + (" (for `work` in real time)" if os.geteuid() == 0 else ""))
    for result in results:
        print(f"\n{result['function']}: peak {result['peak']:.0f} requests/s")
        print(f"  {'':14}{'offered/s':>10}{'good/s':>9}{'2xx p50':>9}{'p99 ms':>9}{'refused':>9}"
              f"{'p99 ms':>9}{'cut':>6}{'gave up':>9}{'unsent':>9}  statuses")
        for title, phase in result["phases"].items():
            refused = sum(phase["statuses"].get(status, 0) for status in ("429", "503"))
            print(f"  {title:14}{phase['offered'] / phase['seconds']:10.0f}"
                  f"{phase['good_rate']:9.0f}{phase['latency_us']['p50'] / 1e3:9.1f}"
                  f"{phase['latency_us']['p99'] / 1e3:9.1f}{refused:9}"
                  f"{phase['other_us']['p99'] / 1e3:9.1f}{phase['cut']:6}{phase['given_up']:9}"
                  f"{phase['unsent']:9}  {phase['statuses']}")
        print(f"  goodput {result['goodput_of_peak']:.0%} of the peak; RSS "
              f"{result['rss_mib']['before']} MiB, at most {result['rss_mib']['highest']} MiB; "
              f"metrics side: {result['metrics'] or 'not there'}")
        missed = [name for name, is_met in result["checks"].items() if not is_met]
        verdict = "held" if not missed else "MISSED: " + ", ".join(missed)
        print(f"  {verdict}" + ("" if result["is_valid"] else
                                " (for information: the generator is part of the load)"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     prog="./dev bench overload")
    load.add_arguments(parser)
    parser.add_argument("--seconds", type=float, default=5, help="of a phase")
    parser.add_argument("--peak-seconds", type=float, default=2)
    parser.add_argument("--factor", type=float, default=3)
    parser.add_argument("--connections", type=int, default=4000)
    parser.add_argument("--patience-ms", type=int, default=3000)
    parser.add_argument("--only", choices=sorted(GUESTS))
    parser.add_argument("--godwit-argument", action="append", default=[], metavar="ARGUMENT",
                        help="passed to godwit serve (repeatable)")
    options = parser.parse_args()
    return carry_out(options, run, print_results,
                     is_good=lambda results: all(all(result["checks"].values())
                                                 for result in results if result["is_valid"]))


if __name__ == "__main__":
    sys.exit(main())
