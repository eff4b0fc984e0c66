#!/usr/bin/env python3
"""Generated modules: what binaryen's `wasm-opt -ttf` makes of random bytes, as commands; and valid
modules with bytes changed. Both depend on nothing but (seed, number):

    python3 tests/hostile/fuzzed_modules.py SEED NUMBER OUT.wasm     # a failure's module again
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import large_modules
import preview1
from wasm_binary import HEADER, ORDER, section, unsigned
from wasm_rewrite import Binary, Unreadable, as_command

WASM_OPT = shutil.which("wasm-opt")
# How often each is on. Debian's binaryen has references as they were before they were standard
# (a function was an externref), and everything of one module in eight: there the answer is mostly
# a clear no.
FEATURES = {"simd": 0.9, "bulk-memory": 0.9, "multivalue": 0.9, "reference-types": 0.1,
            "tail-call": 0.9, "sign-ext": 0.9, "nontrapping-float-to-int": 0.9,
            "mutable-globals": 0.9, "extended-const": 0.9}


def random_of(seed, number):
    return random.Random(f"{seed}/{number}")


def translate(data, options):
    """wasm-opt -ttf; None when it gives up."""
    with tempfile.TemporaryDirectory(prefix="godwit-ttf-") as folder:
        source, target = pathlib.Path(folder, "in"), pathlib.Path(folder, "out.wasm")
        source.write_bytes(data)
        done = subprocess.run([WASM_OPT, "-ttf", str(source), "-o", str(target), *options],
                              timeout=60, capture_output=True, check=False)
        return target.read_bytes() if done.returncode == 0 and target.is_file() else None


def translated(rng):
    """(kind, module). A kind of "command" can be run."""
    if rng.random() < 1 / 8:
        options = ["--all-features"]
    else:
        options = ["--mvp-features"] + [f"--enable-{feature}"
                                        for feature, part in FEATURES.items()
                                        if rng.random() < part]
    options += rng.choice([[], [], ["--no-fuzz-oob"], ["-O2"], ["--flatten"]])
    size = 100 + int(rng.paretovariate(0.8) * 600) % 30_000
    module = translate(rng.randbytes(size), options)
    if module is None:
        return "nothing", b""
    try:
        return "command", as_command(module, rng)
    except Unreadable:
        return "library", module


# --- mutations ------------------------------------------------------------------------------------

def seeds():
    """Valid modules of some variety, not large."""
    found = [preview1.import_everything(), preview1.extreme_calls(preview1.calls()[:200]),
             large_modules.names_that_explode(), large_modules.types_deep(),
             large_modules.legacy_try()]
    folder = pathlib.Path(os.environ.get("GODWIT_GUESTS", "."))
    found += [path.read_bytes() for path in sorted(folder.glob("*.wasm"))
              if path.stat().st_size < 100_000]
    return found


NUMBERS = [b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x08", b"\xff\xff\xff\xff\x07", b"\x80\x00",
           b"\xff" * 9 + b"\x01", b"\x7f", b"\x00", b"\xfc", b"\xfd", b"\xfb", b"\xfe"]


def change(rng, data):
    """A few bytes are others, more, fewer, doubled or a number at an extreme."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 8))
        elif kind == 3:
            del data[at:at + rng.randrange(1, 64)]
        elif kind == 4:
            data[at:at] = data[at:at + rng.randrange(1, 200)]
        else:
            data[at:at + 1] = rng.choice(NUMBERS)
    return bytes(data)


def mutated(rng, sources):
    """One section changed and framed rightly, so that what reads sections lets it by; or the file
    itself changed, or cut off, or a part of one module in another."""
    source = rng.choice(sources)
    way = rng.random()
    if way < 0.15:
        return change(rng, source)
    if way < 0.25:
        return source[:rng.randrange(len(source))]
    try:
        module = Binary(source)
        number = rng.choice(sorted(module.sections))
        if way < 0.35:
            other = Binary(rng.choice(sources))
            module.sections.update({number: other.content(number) or b"\0"})
        elif way < 0.45:
            module.sections[rng.choice(ORDER)] = unsigned(rng.choice([0, 1, 2**32 - 1])) + b"\0"
        else:
            module.sections[number] = change(rng, module.sections[number])
    except Unreadable:
        return change(rng, source)
    if rng.random() < 0.1:
        return HEADER + b"".join(section(n, module.sections[n]) for n in module.sections)
    return module.encode()


def generated(seed, number, sources):
    """(kind, module): each third is translated, if wasm-opt is there."""
    rng = random_of(seed, number)
    if WASM_OPT and number % 3 == 0:
        return translated(rng)
    return "mutated", mutated(rng, sources)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    kind, module = generated(sys.argv[1], int(sys.argv[2]), seeds())
    pathlib.Path(sys.argv[3]).write_bytes(module)
    print(kind, len(module), "bytes")


if __name__ == "__main__":
    main()
