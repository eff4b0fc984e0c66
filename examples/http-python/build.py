# SPDX-License-Identifier: Apache-2.0
"""Makes a component of src/main.py:  python3 build.py [OUT.wasm [WORK]]

The compiler that requirements.txt names is fetched into the folder WORK (.build) when it is not
there yet. The folder's name begins with a dot, so that a server of this folder does not serve what
lies in it.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import venv

FOLDER = pathlib.Path(__file__).resolve().parent


def fetch_compiler(work):
    wanted = (FOLDER / "requirements.txt").read_text()
    installed = work / "installed.txt"
    if installed.exists() and installed.read_text() == wanted:
        return
    venv.create(work / "venv", clear=True, with_pip=True)
    subprocess.run([work / "venv/bin/python", "-m", "pip", "install", "--quiet",
                    "--disable-pip-version-check", "--retries", "1",
                    "--requirement", FOLDER / "requirements.txt"], check=True)
    # Written last, so it tells that everything is there.
    installed.write_text(wanted)


def build(output, work):
    # From a copy: Python leaves its caches beside the sources.
    sources = work / "sources"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(FOLDER / "src", sources)
    shutil.copy(FOLDER / "adapter.py", sources)
    partial = output.with_name(output.name + ".partial")
    subprocess.run([work / "venv/bin/componentize-py", "--quiet",
                    "--wit-path", FOLDER / "world.wit", "--world", "function",
                    "componentize", "adapter", "--python-path", sources, "--output", partial],
                   check=True, cwd=sources)
    # Whoever watches the file never sees half of it.
    os.replace(partial, output)


def main():
    output = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER / f"{FOLDER.name}.wasm")
    work = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else FOLDER / ".build").resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        fetch_compiler(work)
        build(output.resolve(), work)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{pathlib.Path(error.cmd[0]).name} failed")


if __name__ == "__main__":
    main()
