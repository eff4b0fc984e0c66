#!/usr/bin/env python3
"""Checks every #include below src/ against the levels of the house.

    include_rule_test.py              reads the repository
    include_rule_test.py --self-test  feeds it violations and sees each one caught

The rules (docs/architecture.md has the reasons):
  1. A folder includes only folders of a lower level. Two folders on one level may meet only where
     the CMake link list says so, and never in a circle.
  2. What a folder includes stands in its link list: in DEPENDS of its godwit_library, directly or
     through what that depends on. Tests, fuzz targets and benchmarks have lists of their own.
  3. Some doors stay shut whatever the levels say (FORBIDDEN).
  4. A third-party header is included only in the folder that wraps it (THIRD_PARTY).
"""
import pathlib
import re
import sys

LEVELS = {
    "base": 0,
    "http": 1, "wasm": 1, "manifest": 1, "observe": 1, "memory": 1,
    "confinement": 1,
    "capability": 2,
    "wasi": 3, "engine": 3,
    "registry": 4, "runtime": 4, "outbound": 4,  # and every folder below engines/
    "gateway": 5,
    "server": 6, "admin": 6,
    "cli": 7,
}

# (from, to, why); a name that ends in "/" means every folder below it.
FORBIDDEN = [
    ("server", "engine", "the server moves bytes; what runs behind them is the runtime's business"),
    ("server", "admin", "the data plane does not know who looks at it"),
    ("admin", "server", "admin answers also when the data plane does not; cli joins the two"),
    ("admin", "runtime", "admin runs nothing"),
    ("admin", "engine", "admin runs nothing"),
    ("engines/", "runtime", "an engine is driven; it does not drive"),
    ("engines/", "engines/", "engines do not know each other"),
]

# The first part of the header → the folders that may include it. fmt and tl::expected are words of
# the language here: allowed everywhere.
THIRD_PARTY = {
    "llhttp": {"http"},
    "toml++": {"manifest"},
    "boost": {"server", "admin"},
    "CLI": {"cli"},
    "nlohmann": {"cli", "admin"},
    "openssl": {"base", "registry", "outbound"},
    "sqlite3": {"registry"},
    "nghttp2": {"http"},
    "zstd": {"registry"},
    "curl": {"outbound"},
    "seccomp": {"confinement"},
}
# The header of our own Rust library (cbindgen writes it).
BRIDGE_HEADER, BRIDGE_FOLDER = "godwit_bridge.h", "engines/wasmtime"
EVERYWHERE = {"fmt", "tl"}
IN_TESTS = {"gtest", "gmock", "benchmark", "rapidcheck"}
# Headers of C, POSIX and Linux that are written with ".h".
SYSTEM_FOLDERS = {"sys", "linux", "net", "netinet", "arpa", "asm"}
SYSTEM = set("""aio assert ctype cpuid dirent dlfcn elf endian errno fcntl fenv float fnmatch ftw
getopt glob grp ifaddrs immintrin inttypes libgen limits link locale malloc math netdb poll pthread
pwd regex sched semaphore setjmp signal spawn stdalign stdarg stdbool stddef stdint stdio stdlib
string strings sysexits syslog termios time ucontext unistd utime wchar x86intrin
execinfo""".split())

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
CMAKE_CALL = re.compile(r"^[ \t]*(godwit_(?:library|test|fuzz|bench))\s*\(([^)]*)\)", re.M)
CMAKE_WORDS = {"SOURCES", "SOURCE", "DEPENDS", "PRIVATE", "LIBRARIES", "CORPUS"}


def level(folder):
    return 4 if folder.startswith("engines/") else LEVELS.get(folder)


def folder_of(path):
    """src/engines/wasmtime/x.cc → engines/wasmtime; src/http/x.h → http."""
    parts = path.split("/")[1:-1]
    if parts[:1] == ["engines"]:
        return "/".join(parts[:2])
    return parts[0] if parts else ""


def is_test(path):
    name = path.rsplit("/", 1)[-1]
    return bool(re.search(r"(_test|_fuzz|_bench)\.|^test_|_testing\.|^conformance", name))


class House:
    """The link lists that the CMakeLists.txt below src/ declare."""

    def __init__(self, files):
        self.folder_of_library = {}
        self.library_lists = {}  # folder → names, from godwit_library
        self.test_lists = {}  # folder → names, from godwit_test, _fuzz, _bench
        for path, text in files.items():
            if path.endswith("CMakeLists.txt"):
                self._read(folder_of(path), re.sub(r"#.*", "", text))
        self.edges = {
            folder: {self.folder_of_library.get(name, name) for name in names} - {folder}
            for folder, names in self.library_lists.items()
        }

    def _read(self, folder, text):
        for call, arguments in CMAKE_CALL.findall(text):
            words = arguments.split()
            if not words:
                continue
            lists = self.library_lists if call == "godwit_library" else self.test_lists
            if call == "godwit_library":
                self.folder_of_library[words[0]] = folder
            names, section = lists.setdefault(folder, set()), ""
            for word in words[1:]:
                if word in CMAKE_WORDS:
                    section = word
                elif section == "DEPENDS":
                    names.add(word)
                elif word.startswith("godwit_") and section in ("PRIVATE", "LIBRARIES"):
                    names.add(word[len("godwit_"):])

    def direct(self, folder, in_test):
        found = set(self.edges.get(folder, set()))
        if in_test:
            found |= {self.folder_of_library.get(n, n) for n in self.test_lists.get(folder, set())}
        return found

    def reachable(self, folder, in_test):
        found, todo = set(), list(self.direct(folder, in_test))
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo.extend(self.edges.get(name, set()))
        return found

    def circles(self):
        """Folders that reach themselves through godwit_library lists."""
        return sorted(folder for folder in self.edges if folder in self.reachable(folder, False))


def matches(pattern, folder):
    return folder.startswith(pattern) if pattern.endswith("/") else folder == pattern


def check_own(path, folder, other, house):
    """The complaints about one include of another folder of ours."""
    in_test = is_test(path)
    for source, target, why in FORBIDDEN:
        if matches(source, folder) and matches(target, other):
            return [f"{folder} must not include {other}: {why}"]
    if level(other) is None:
        return [f"there is no folder {other} in the table of levels"]
    if level(other) > level(folder):
        return [f"{folder} (level {level(folder)}) includes upward: {other} (level {level(other)})"]
    if level(other) == level(folder) and other not in house.direct(folder, in_test):
        return [f"{folder} and {other} are on one level; {other} is not in its link list"]
    if other not in house.reachable(folder, in_test):
        return [f"{other} is not in the link list of {folder} (DEPENDS in its CMakeLists.txt)"]
    return []


def check_third_party(path, folder, header):
    """The complaints about one include that is not of ours."""
    parts = header.split("/")
    first = parts[0] if len(parts) > 1 else re.sub(r"\.h(pp)?$", "", header)
    if first in EVERYWHERE or (len(parts) == 1 and "." not in header):
        return []
    if first in THIRD_PARTY:
        if folder in THIRD_PARTY[first]:
            return []
        return [f"<{header}> belongs to {', '.join(sorted(THIRD_PARTY[first]))} alone"]
    if first in IN_TESTS:
        return [] if is_test(path) else [f"<{header}> is for tests and benchmarks"]
    if (first in SYSTEM_FOLDERS and len(parts) > 1) or (first in SYSTEM and len(parts) == 1):
        return []
    return [f"<{header}> is in no table: name the folder that wraps it in THIRD_PARTY"]


def check_bridge(folder):
    if folder == BRIDGE_FOLDER:
        return []
    return [f"the bridge to Wasmtime is for {BRIDGE_FOLDER} alone"]


def check(files):
    """files: path → text, paths as in the repository. Returns complaints, none when all is well."""
    house, found = House(files), []
    own = {folder_of(path) for path in files} - {""}
    for folder in house.circles():
        found.append(f"src/{folder}/CMakeLists.txt: {folder} depends on itself in a circle")
    for path, text in sorted(files.items()):
        if not path.endswith((".h", ".cc", ".def")):
            continue
        folder = folder_of(path)
        if level(folder) is None:
            found.append(f"{path}: the folder {folder} is in no level; add it to LEVELS")
            continue
        for match in INCLUDE.finditer(text):
            quoted, angled = match.groups()
            line = text.count("\n", 0, match.start()) + 1
            header = quoted or angled
            other = folder_of("src/" + header)
            if header == BRIDGE_HEADER:
                complaints = check_bridge(folder)
            elif quoted and "/" not in quoted:
                complaints = [f'"{quoted}": write the path from src/: "{folder}/…"']
            elif quoted and other == folder:
                complaints = []
            elif quoted and (other in own or level(other) is not None):
                complaints = check_own(path, folder, other, house)
            else:
                complaints = check_third_party(path, folder, header)
            found += [f"{path}:{line}: {complaint}" for complaint in complaints]
    return found


def repository_files(root):
    files = {}
    for path in sorted((root / "src").rglob("*")):
        name = path.relative_to(root).as_posix()
        wanted = path.suffix in (".h", ".cc", ".def") or path.name == "CMakeLists.txt"
        if wanted and path.is_file():
            files[name] = path.read_text(encoding="utf-8", errors="replace")
    return files


# --- self-test --------------------------------------------------------------------------------

GOOD = {
    "src/base/CMakeLists.txt": "godwit_library(base SOURCES a.cc PRIVATE OpenSSL::Crypto)",
    "src/http/CMakeLists.txt": "godwit_library(http SOURCES a.cc DEPENDS base)",
    "src/engine/CMakeLists.txt": "godwit_library(engine SOURCES a.cc DEPENDS base)",
    "src/registry/CMakeLists.txt": "godwit_library(registry SOURCES a.cc DEPENDS engine)",
    "src/runtime/CMakeLists.txt":
        "godwit_library(runtime SOURCES a.cc # DEPENDS server\n  DEPENDS registry http)\n"
        "godwit_test(runtime SOURCES a_test.cc DEPENDS runtime fake)",
    "src/engines/fake/CMakeLists.txt": "godwit_library(fake SOURCES a.cc DEPENDS engine)",
    "src/engines/wasmtime/CMakeLists.txt": "godwit_library(wasmtime SOURCES a.cc DEPENDS engine)",
    "src/server/CMakeLists.txt": "godwit_library(server SOURCES a.cc DEPENDS runtime)",
    "src/base/a.h": "#include <string>\n#include <sys/mman.h>\n#include <fmt/format.h>\n",
    "src/http/a.cc": '#include "http/a.h"\n#include "base/a.h"\n#include <llhttp.h>\n',
    "src/runtime/a.cc": '#include "registry/a.h"\n#include "engine/a.h"\n',
    "src/runtime/a_test.cc": '#include "engines/fake/a.h"\n#include <gtest/gtest.h>\n',
    "src/engines/wasmtime/a.cc": '#include "godwit_bridge.h"\n#include "engine/a.h"\n',
    "src/server/a.cc": "#include <boost/asio.hpp>\n",
}

# What is added to GOOD → a part of the complaint that must come.
BAD = [
    ({"src/base/b.cc": '#include "http/a.h"\n'}, "includes upward"),
    ({"src/http/b.cc": '#  include "runtime/a.h"\n'}, "includes upward"),
    ({"src/http/b.cc": '#include "server/a.h"\n'}, "includes upward"),
    ({"src/registry/b.cc": '#include "runtime/a.h"\n'}, "on one level"),
    ({"src/runtime/b.cc": '#include "engines/fake/a.h"\n'}, "on one level"),
    ({"src/registry/b.cc": '#include "http/a.h"\n'}, "not in the link list"),
    ({"src/server/b.cc": '#include "engine/engine.h"\n'}, "must not include engine"),
    ({"src/admin/b.cc": '#include "server/a.h"\n'}, "must not include server"),
    ({"src/server/b.cc": '#include "admin/a.h"\n'}, "must not include admin"),
    ({"src/engines/fake/b.cc": '#include "runtime/a.h"\n'}, "must not include runtime"),
    ({"src/engines/fake/b.cc": '#include "engines/wasmtime/a.h"\n'}, "do not know each other"),
    ({"src/runtime/b.cc": "#include <boost/asio.hpp>\n"}, "belongs to admin, server"),
    ({"src/server/b.cc": "#include <llhttp.h>\n"}, "belongs to http"),
    ({"src/server/b.cc": '#include "llhttp.h"\n'}, "write the path from src/"),
    ({"src/runtime/b.cc": '#include "godwit_bridge.h"\n'}, "engines/wasmtime alone"),
    ({"src/runtime/b.cc": "#include <gtest/gtest.h>\n"}, "for tests"),
    ({"src/runtime/b.cc": "#include <leveldb/db.h>\n"}, "in no table"),
    ({"src/http/b.cc": '#include "a.h"\n'}, "write the path from src/"),
    ({"src/attic/b.cc": "#include <string>\n"}, "is in no level"),
    ({"src/http/b.cc": '#include "attic/a.h"\n'}, "in no table"),
    ({"src/registry/CMakeLists.txt": "godwit_library(registry SOURCES a.cc DEPENDS runtime)"},
     "in a circle"),
]


def self_test():
    failures = [f"the good sample: {complaint}" for complaint in check(GOOD)]
    for added, expected in BAD:
        complaints = check({**GOOD, **added})
        if not any(expected in complaint for complaint in complaints):
            failures.append(f"not caught ({expected}): {added} → {complaints}")
    return failures, len(BAD) + 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        failures, count = self_test()
        unit = "samples"
    else:
        files = repository_files(pathlib.Path(__file__).resolve().parents[2])
        failures, count = check(files), len(files)
        unit = "files"
        if count == 0:
            failures = ["there is nothing below src/"]
    for failure in failures:
        print(failure)
    print(f"include rule: {count} {unit}, {len(failures)} complaints")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
