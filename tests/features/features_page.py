#!/usr/bin/env python3
"""Runs each probe on the real server, and writes docs/wasm-features.md from what happened.

    GODWIT_BIN=build/release/godwit features_page.py            writes the page
    GODWIT_BIN=build/release/godwit features_page.py --check    fails when it is missing or stale

Nothing is written while a probe does something else than features.toml says.
Exit status: 0 fine, 1 wrong or stale, 2 wrong usage.
"""
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "e2e"))

import harness  # noqa: E402  pylint: disable=wrong-import-position

TABLE = FOLDER / "features.toml"
PAGE = FOLDER.parents[1] / "docs/wasm-features.md"
STILL_COMPILING = "E2013"

HEAD = """# WebAssembly features

<!-- Made by `./dev docs` from tests/features; do not edit. -->

What becomes of a module that uses one of WebAssembly's proposals. Each row was found by serving a
probe, `tests/features/NAME.wat`: one that is on computed the right result, one that is off was
refused when it was loaded. The test `e2e.features` asks again in every run. "Standard" is the
W3C's version that has it, a proposal's phase, or the WASI that it belongs to.

No setting turns a feature on or off: compiled code is kept for one configuration of the engine,
the same for all functions. `godwit check FILE` says of a module whether it is accepted.

| feature | proposal | standard | Godwit | why |
|---|---|---|---|---|
"""

REFUSED = """
## What is refused, and what to do
A function that needs such a feature gets 503; the code is one of [errors.md](errors.md), the words
are in the server's log and in what `godwit check` prints.
"""


@dataclasses.dataclass(frozen=True)
class Feature:
    """A table of features.toml."""
    title: str
    proposal: str
    standard: str
    expected: str
    why: str
    refused_with: str = ""
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a probe did: its status and output, or the code and the words of its refusal."""
    status: int
    output: str = ""
    code: str = ""
    words: str = ""

    @property
    def is_on(self):
        return (self.status, self.output) == (200, "ok\n")


def features():
    """Name → Feature, in the order of the table."""
    with TABLE.open("rb") as file:
        return {name: Feature(**row) for name, row in tomllib.load(file).items()}


def ask(server, name):
    """One probe's Outcome, once its compilation is over."""
    def answer():
        response = server.get(f"/{name}")
        refused = response.value("content-type") == "application/problem+json"
        return None if refused and response.code == STILL_COMPILING else response

    response = harness.wait_for(answer, f"the compilation of {name}")
    if response.value("content-type") != "application/problem+json":
        return Outcome(response.status, response.text)
    if response.status != 503:
        return Outcome(response.status, code=response.code)  # it was loaded, and failed
    record = server.wait_log(part="serve", message="function refused", function=name)
    _, words = record["error"].split(": ", 1)
    # Where in the file it is found is no matter.
    return Outcome(response.status, "", response.code, re.sub(r" \(at offset \w+\)", "", words))


def outcomes():
    """Name → Outcome of every probe in the folder, on a server with default settings."""
    folder = harness.Folder()
    names = sorted(path.stem for path in FOLDER.glob("*.wat"))
    for name in names:
        folder.add(name, (FOLDER / f"{name}.wat").read_bytes())
    with harness.Server.started(folder) as server:
        return {name: ask(server, name) for name in names}


def told():
    """Name → whether `godwit version` says that it is supported."""
    done = subprocess.run([harness.program(), "version", "--json"], capture_output=True,
                          timeout=harness.PATIENCE_S, check=True)
    found = json.loads(done.stdout)["features"]
    return {name.replace("-", "_"): supported for name, supported in found.items()}


def complaint(feature, outcome):
    """What is wrong with one row, or None."""
    if feature.expected == "on":
        return None if outcome.is_on else f"said to be on, but {outcome}"
    if feature.expected != "off" or not feature.refused_with or not feature.remedy:
        return 'neither "on", nor "off" with refused_with and remedy'
    if (outcome.status, outcome.code) != (503, feature.refused_with):
        return f"said to be refused with {feature.refused_with}, but {outcome}"
    return None


def complaints(table, found, version):
    """Where the table, what the server did, and what `godwit version` says disagree."""
    wrong = [f"{name}: has no {'row' if name in found else 'probe'}"
             for name in sorted(set(table) ^ set(found))]
    for name in table.keys() & found.keys():
        what = complaint(table[name], found[name])
        wrong += [f"{name}: {what}"] if what else []
    for name, supported in version.items():
        if name not in table or (table[name].expected == "on") != supported:
            wrong.append(f"{name}: `godwit version` says supported={supported}")
    return sorted(wrong)


def page(table, found):
    """The text of docs/wasm-features.md."""
    text, refused = HEAD, REFUSED
    for name, feature in table.items():
        outcome = found[name]
        state = "on" if outcome.is_on else f"off ({outcome.code})"
        text += (f"| {feature.title} | {feature.proposal} | {feature.standard} | {state} | "
                 f"{feature.why} |\n")
        if not outcome.is_on:
            refused += (f"\n### {feature.title.capitalize()}\n> {outcome.code}: {outcome.words}\n\n"
                        f"{feature.remedy}\n")
    return text + refused if refused != REFUSED else text


def main(words):
    if words not in ([], ["--check"]):
        print("usage: features_page.py [--check]", file=sys.stderr)
        return 2
    table, found = features(), outcomes()
    wrong = complaints(table, found, told())
    if wrong:
        print("\n".join(f"{TABLE.name}: {each}" for each in wrong), file=sys.stderr)
        return 1
    text = page(table, found)
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if words:
        print(f"{PAGE} does not say what the server does: run ./dev docs", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
