#!/usr/bin/env python3
"""The hostile corpus as files: corpus.py FOLDER [NAME…] writes it, ready to be served.

    python3 tests/hostile/corpus.py /tmp/hostile
    godwit serve /tmp/hostile --limit cpu=100ms

Without names it writes all but the compile bombs. expected.json beside them says what each must
lead to. As a module: guests() and guest(name).
"""
import json
import pathlib
import sys

import compile_bombs
import components_p3
import large_modules
import preview1
from table import DEFAULT_LIMITS, ROWS

TEXTS = pathlib.Path(__file__).resolve().parent / "wat"
# Hostile components; of two_handlers the tests of components tell.
COMPONENTS = {f"component_{path.stem}": path
              for path in sorted((TEXTS.parents[1] / "components/wat").glob("*.wat"))
              if path.stem != "two_handlers"}
GENERATORS = {**large_modules.MODULES, **compile_bombs.BOMBS, **components_p3.CONCURRENT,
              "import_everything": preview1.import_everything,
              "import_everything_twice": preview1.import_everything_twice}


def guests():
    """The names of all guests."""
    return sorted({path.stem for path in TEXTS.glob("*.wat")} | set(COMPONENTS) | set(GENERATORS))


def bombs():
    return sorted(compile_bombs.BOMBS)


def guest(name):
    """The bytes of a module, or of its text."""
    if name in GENERATORS:
        return GENERATORS[name]()
    if name in COMPONENTS:
        return COMPONENTS[name].read_bytes()
    return (TEXTS / f"{name}.wat").read_bytes()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(mode=0o755, exist_ok=True)
    names = sys.argv[2:] or [name for name in guests() if name not in bombs()]
    for name in names:
        module = guest(name)
        ending = "wasm" if module[:4] == b"\0asm" else "wat"
        (folder / f"{name}.{ending}").write_bytes(module)
        if ROWS[name].settings:
            (folder / f"{name}.toml").write_text(ROWS[name].settings)
    expected = {name: {"status": ROWS[name].status, "code": ROWS[name].code,
                       "cut": ROWS[name].is_cut, "others": ROWS[name].others} for name in names}
    limits = [f"--limit={key}={value}" for key, value in DEFAULT_LIMITS.items()]
    (folder / "expected.json").write_text(json.dumps({"limits": limits, "expected": expected},
                                                     indent=1))
    print(f"{len(names)} guests in {folder}; serve them with {' '.join(limits)}")


if __name__ == "__main__":
    main()
