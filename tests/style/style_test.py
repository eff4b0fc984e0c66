#!/usr/bin/env python3
"""Checks the rules of the house that no compiler knows.

    style_test.py              reads the repository (what git tracks, and new files not ignored)
    style_test.py --self-test  feeds it violations and sees each one caught

Each rule is one function from (path, text) to complaints, and says why it exists.
"""
import pathlib
import re
import subprocess
import sys

MAX_LINES, AIM_LINES, MAX_COLUMNS = 700, 400, 100
SHOWN_OF_A_FILE = 8

CODE = (".h", ".cc", ".c", ".py", ".sh", ".rs", ".cmake")
CPP = (".h", ".cc")
# Written by a tool, or somebody else's words: nothing here is ours to shape.
GENERATED = ("Cargo.lock", "package-lock.json", "go.sum", "LICENSE", "include/godwit_bridge.h")
# Out of a third-party parser there is no other way; caught where the parser is called.
MAY_THROW = ("src/manifest/toml_parser.h",)
BINARY = (".wasm", ".png", ".ico", ".gz", ".bin", ".woff2")


def lines_of(text):
    return enumerate(text.split("\n"), 1)


def is_code(path):
    name = path.rsplit("/", 1)[-1]
    return name.endswith(CODE) or name in ("CMakeLists.txt", "dev", "run")


def is_ours(path):
    """Examples are written as their language's own people write; fuzz corpora are raw bytes."""
    return not path.startswith(("examples/", "fuzz/corpus/"))


RAW_STRING = r'R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"'


def strip_raw_strings(text):
    """Line numbers kept."""
    return re.sub(RAW_STRING, lambda m: "\n" * m.group().count("\n"), text, flags=re.S)


def strip_cpp(text):
    """The code without comments and literals, line numbers kept."""
    pattern = re.compile(
        RAW_STRING + r'|//[^\n]*|/\*.*?\*/|'
        r'"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
    return pattern.sub(lambda m: "\n" * m.group().count("\n"), text)


# --- the rules --------------------------------------------------------------------------------


def check_length(path, text):
    """A file has one subject; past 700 lines it has several."""
    count = text.count("\n")
    if is_code(path) and is_ours(path) and count > MAX_LINES:
        yield 1, f"{count} lines, more than {MAX_LINES}: divide it by subject"


def check_columns(path, text):
    """Two files fit beside each other. What cannot be broken may be longer: a digest, an address;
    a .def table has a row a line; rustfmt decides for Rust; a raw string is another language."""
    unbreakable = re.compile(r"\b[0-9a-f]{64}\b|://")
    if is_code(path) and is_ours(path) and not path.endswith(".rs"):
        for number, line in lines_of(strip_raw_strings(text) if path.endswith(CPP) else text):
            if len(line) > MAX_COLUMNS and not unbreakable.search(line):
                yield number, f"{len(line)} columns, more than {MAX_COLUMNS}"


def check_white_space(path, text):
    """Tabs and trailing blanks make diffs that say nothing."""
    if not is_code(path) or not is_ours(path):
        return
    for number, line in lines_of(text):
        if "\t" in line:
            yield number, "a tab; indent with spaces, write \\t in strings"
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "the last line has no newline"


def check_header(path, text):
    """A header is read first by someone who wants to know what it is for."""
    if path.startswith(("src/", "bench/", "fuzz/")) and path.endswith(".h"):
        if "#pragma once" not in text:
            yield 1, "no #pragma once"
        if not text.startswith("//"):
            yield 1, "a header opens with a comment: purpose, thread-safety, an example"


def check_unfinished(path, text):
    """Nothing half-built: what is missing is an issue, not a note in the code."""
    pattern = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
    for number, line in lines_of(text):
        if pattern.search(line):
            yield number, f"\"{pattern.search(line).group()}\": finish it, or file an issue"


def check_hosts(path, text):
    """Packages come by name through a system's own clients, whose mirrors differ by machine."""
    hosts = (("deb", "debian", "org"), ("security", "debian", "org"), ("index", "crates", "io"),
             ("static", "crates", "io"), ("registry", "npmjs", "org"), ("pypi", "org"),
             ("files", "pythonhosted", "org"), ("proxy", "golang", "org"), ("sum", "golang", "org"),
             ("repo1", "maven", "org"), ("repo", "maven", "apache", "org"))
    pattern = re.compile(r"https?://(" + "|".join(r"\.".join(host) for host in hosts) + r")\b")
    for number, line in lines_of(text):
        if pattern.search(line):
            yield number, "the address of a package host: name the package only"


def check_machine_paths(path, text):
    """What holds on one developer's machine holds nowhere else. (A test may invent `somebody`.)"""
    folders = "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me"))
    pattern = re.compile(r"(?<![\w.\-/}])/(?:" + folders + r")/(?!somebody\b)")
    for number, line in lines_of(text):
        if pattern.search(line):
            yield number, "an absolute path of a developer's machine"


def check_throw(path, text):
    """Our code does not throw: failures are Result<T>, a guest's are Outcome."""
    if path.startswith("src/") and path.endswith(CPP) and path not in MAY_THROW:
        for number, line in lines_of(strip_cpp(text)):
            if re.search(r"\bthrow\b", line):
                yield number, "`throw`: return a Result"


def check_stdout(path, text):
    """stdout belongs to the verbs: the line `ready …` and what --json prints are parsed."""
    if not path.startswith("src/") or not path.endswith(CPP) or path.startswith("src/cli/"):
        return
    if re.search(r"_(test|bench|fuzz)\.cc$", path):
        return
    for number, line in lines_of(strip_cpp(text)):
        if re.search(r"\bstd::c(out|err)\b|(?<![\w:.>])(std::)?(printf|puts|putchar)\s*\(", line):
            yield number, "prints directly: only src/cli prints, everything else logs or returns"


RULES = [check_length, check_columns, check_white_space, check_header, check_unfinished,
         check_hosts, check_machine_paths, check_throw, check_stdout]


def check_readmes(paths):
    """Every folder below src/ says what it is, and what must not happen in it."""
    folders = {path.rsplit("/", 1)[0] for path in paths
               if path.startswith("src/") and not path.endswith(GENERATED)
               and (path.endswith(CPP) or path.endswith("/Cargo.toml"))}
    for folder in sorted(folders):
        if f"{folder}/README.md" not in paths:
            yield f"{folder}: no README.md"


def has_test(name, text):
    """Suite.Case of GoogleTest, or Class.test_… of Python."""
    suite, _, case = name.partition(".")
    google = rf"\bTEST(_F|_P)?\(\s*{suite},\s*{case}\s*\)"
    python = rf"^class {suite}\b(?s:.*?)^    def {case}\("
    return re.search(google, text) or re.search(python, text, re.M)


def check_named_tests(files):
    """A promise whose test was renamed away is nobody's: `file` and `file: Suite.Case` exist."""
    page = "docs/security.md"
    for number, line in lines_of(files.get(page, "")):
        if not line.startswith("|"):
            continue
        for path, name in re.findall(r"`([\w./-]+/[\w.-]+)(?:: ([\w.]+))?`", line):
            if path not in files:
                yield f"{page}:{number}: there is no file {path}"
            elif name and not has_test(name, files[path]):
                yield f"{page}:{number}: {path} has no test {name}"


def check(files):
    """files: path → text. Returns complaints, empty when all is well."""
    found = list(check_readmes(files)) + list(check_named_tests(files))
    for path, text in sorted(files.items()):
        if path.endswith(GENERATED):
            continue
        mine = [f"{path}:{number}: {complaint}"
                for rule in RULES for number, complaint in rule(path, text)]
        found += mine[:SHOWN_OF_A_FILE]
        if len(mine) > SHOWN_OF_A_FILE:
            found.append(f"{path}: and {len(mine) - SHOWN_OF_A_FILE} more")
    return found


def repository_files(root):
    """What git tracks and what is new and not ignored; every file where there is no git."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], cwd=root, capture_output=True, check=False)
    if listed.returncode == 0:
        names = {name for name in listed.stdout.decode().split("\0") if name}
    else:
        names = {p.relative_to(root).as_posix() for p in root.rglob("*")
                 if not re.match(r"(build|\.git)/", p.relative_to(root).as_posix())}
    files = {}
    for name in sorted(names):
        path = root / name
        if name.endswith(BINARY) or name.startswith("fuzz/corpus/"):
            continue
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if b"\0" not in data:
                files[name] = data.decode("utf-8", errors="replace")
    return files


# --- self-test --------------------------------------------------------------------------------

HEADER = "// What it is for.\n#pragma once\n"
GOOD = {
    "src/http/README.md": "The HTTP folder.\n",
    "src/http/a.h": HEADER + "int f();  // it does not throw\n",
    "src/http/a.cc": 'const char* kText = "throw printf(";\nauto x = snprintf(b, 1\'000, "");\n'
                     "auto r = R\"(throw\nthrow" + " a long line" * 20 + ")\";\n",
    "src/cli/README.md": "Verbs.\n",
    "src/cli/a.cc": 'void f() { std::printf("x"); }\n',
    "tools/a.sh": "dir=$(mktemp -d /tmp/" + "X" * 6 + ")\ncd \"$home/" + "wo" + "rk/x\"\n",
    "docs/security.md": "| x | `tests/a.py: A.test_b`, `src/http/a_test.cc: A.B` |\n",
    "tests/a.py": "class A(X):\n    def test_b(self):\n        pass\n",
    "src/http/a_test.cc": "TEST_F(A, B) {}\n",
    "docs/a.md": "A long line" + " of words" * 30 + ", and the word todo\n",
}
BAD = [
    ({"src/http/b.cc": "int x;\n" * (MAX_LINES + 1)}, "divide it"),
    ({"src/http/b.cc": "x" * (MAX_COLUMNS + 1) + "\n"}, "columns"),
    ({"src/http/b.cc": "\tint x;\n"}, "a tab"),
    ({"src/http/b.cc": "int x; \n"}, "blanks at the end"),
    ({"src/http/b.cc": "int x;"}, "no newline"),
    ({"src/http/b.h": "// Purpose.\nint x;\n"}, "#pragma once"),
    ({"src/http/b.h": "#pragma once\nint x;\n"}, "opens with a comment"),
    ({"src/http/b.cc": "// TO" + "DO: later\n"}, "finish it"),
    ({"docs/b.md": "FIX" + "ME\n"}, "finish it"),
    ({"tools/b.sh": "curl https://" + ".".join(("deb", "debian", "org")) + "/x\n"}, "package host"),
    ({"tools/b.sh": "cd /wo" + "rk/main\n"}, "developer's machine"),
    ({"docs/b.md": "see (/ho" + "me/ann/x)\n"}, "developer's machine"),
    ({"src/http/b.cc": "void f() { throw 1; }\n"}, "return a Result"),
    ({"src/http/b.cc": "void f() { std::cout << 1; }\n"}, "prints directly"),
    ({"src/http/b.cc": 'void f() { printf("x"); }\n'}, "prints directly"),
    ({"src/http/b.cc": 'void f() { std::puts("x"); }\n'}, "prints directly"),
    ({"src/wasm/b.cc": "int x;\n"}, "no README.md"),
    ({"docs/security.md": "| x | `tests/b.py` |\n"}, "there is no file tests/b.py"),
    ({"docs/security.md": "| x | `tests/a.py: A.test_c` |\n"}, "has no test A.test_c"),
    ({"docs/security.md": "| x | `src/http/a_test.cc: A.C` |\n"}, "has no test A.C"),
]


def self_test():
    failures = [f"the good sample: {complaint}" for complaint in check(GOOD)]
    for added, expected in BAD:
        complaints = check({**GOOD, **added})
        if not any(expected in complaint for complaint in complaints):
            failures.append(f"not caught ({expected}): {list(added)} → {complaints}")
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
            failures = ["there is no file to read"]
        for path, text in sorted(files.items()):
            if is_code(path) and is_ours(path) and AIM_LINES < text.count("\n") <= MAX_LINES:
                print(f"note: {path} has {text.count(chr(10))} lines (aim at {AIM_LINES})")
    for failure in failures:
        print(failure)
    print(f"style: {count} {unit}, {len(failures)} complaints")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
