"""Every verb of the command line but `serve` and `run`, with good and bad usage: what it prints,
its exit code, its hints (docs/contract.md, "The command line")."""
import json
import os
import pathlib
import pty
import re
import resource
import shutil
import subprocess
import tempfile
import unittest

import harness

ENVIRONMENT = {**os.environ, "XDG_STATE_HOME": str(harness.scratch() / "cli-state")}
VERBS = ("serve", "run", "check", "new", "build", "compile", "wat", "doctor", "explain", "version")
GOOD = b'(module (func (export "_start")))'
WASI = b"""(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1 2)
  (func (export "_start") (call $proc_exit (i32.const 0))))"""
UNKNOWN_IMPORT = b'(module (import "env" "frob" (func)) (func (export "_start")))'
# One line, or a list of frames after it; then the hint.
ERROR = re.compile(r"godwit: error (E\d{4}): [^\n]+\n(?:(?!  hint:)[^\n]*\n)*  hint: [^\n]+\n")


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr.decode()

    @property
    def text(self):
        return self.stdout.decode()

    @property
    def json(self):
        return json.loads(self.stdout)

    def __repr__(self):
        return f"exit {self.code}\n{self.stdout[:2000]!r}\n{self.stderr[:2000]}"


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=harness.scratch(), prefix="cli-"))

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def godwit(self, *words, code=0, stdin=b"", **keywords):
        """Runs the program in the test's folder; fails when its exit code is not `code`."""
        keywords.setdefault("env", ENVIRONMENT)
        keywords.setdefault("stdout", subprocess.PIPE)
        if "stdin" not in keywords and not isinstance(stdin, int):
            keywords["input"] = stdin
        else:
            keywords["stdin"] = stdin
        done = Result(subprocess.run([harness.program(), *map(str, words)], cwd=self.folder,
                                     stderr=subprocess.PIPE, check=False,
                                     timeout=harness.PATIENCE_S, **keywords))
        self.assertEqual(done.code, code, done)
        return done

    def assert_error(self, done, code, *texts):
        """One error of this code on stderr, in the contract's form, and no stack trace."""
        match = ERROR.search(done.stderr)
        self.assertTrue(match, done)
        self.assertEqual(match[1], code, done)
        for text in texts:
            self.assertIn(text, done.stderr)

    def usage_error(self, *words, texts=()):
        done = self.godwit(*words, code=2)
        self.assert_error(done, "E6005", *texts)
        self.assertEqual(done.stdout, b"")
        return done


class General(CliTest):
    def test_help_lists_the_verbs(self):
        for words in (["--help"], ["help"], ["-h"]):
            text = self.godwit(*words).text
            for verb in VERBS:
                self.assertRegex(text, rf"(?m)^  {verb} +\w")
            self.assertNotIn("compile-service", text)

    def test_each_verb_has_help_with_an_example(self):
        for verb in VERBS:
            text = self.godwit(verb, "--help").text
            self.assertRegex(text, rf"^usage: godwit {verb} ")
            self.assertRegex(text, rf"example:\n  godwit {verb}")
            self.assertEqual(text, self.godwit("help", verb).text)

    def test_no_verb(self):
        done = self.godwit(code=2)
        self.assert_error(done, "E6005")
        self.assertIn("verbs:", done.stderr)

    def test_mistyped_verb_names_the_nearest(self):
        self.usage_error("serv", texts=["Did you mean `godwit serve`?"])
        self.usage_error("chekc", texts=["Did you mean `godwit check`?"])
        self.usage_error("banana", texts=["`godwit --help` lists the verbs."])
        self.usage_error("help", "verison", texts=["Did you mean `godwit version`?"])

    def test_mistyped_flag_names_the_nearest(self):
        for verb, flag, meant in (("serve", "--lisen", "--listen"), ("run", "--stat", "--stats"),
                                  ("check", "--jsn", "--json"), ("wat", "--ouput=x", "--output"),
                                  ("version", "--jsno", "--json"),
                                  ("doctor", "--stat-dir", "--state-dir")):
            self.usage_error(verb, flag, texts=[f"`{verb}` has no option {flag.split('=')[0]}",
                                                f"Did you mean {meant}"])

    def test_missing_and_superfluous_words(self):
        for verb in ("run", "check", "new", "compile", "wat"):
            self.usage_error(verb, texts=["is missing", f"`godwit {verb} --help`"])
        self.usage_error("version", "now", texts=['"now"'])
        self.usage_error("explain", "E2003", "E2004")

    def test_the_compile_service_is_no_verb_for_people(self):
        self.usage_error("compile-service")

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = self.godwit("explain", code=1, stdout=full)
        self.assert_error(done, "E5007", "standard output")

    def test_closed_standard_streams(self):
        command = f"'{harness.program()}' explain E2003 0<&- 1>&- 2>&-"
        done = subprocess.run(["sh", "-c", command], check=False, timeout=harness.PATIENCE_S)
        self.assertEqual(done.returncode, 0)


class Serve(CliTest):
    """Its command line; the rest of `serve` has tests of its own."""

    def test_wrong_usage(self):
        self.usage_error("serve", texts=["godwit serve PATH"])
        self.usage_error("serve", ".", "--threads", "0")
        self.usage_error("serve", ".", "--threads", "2x")
        self.usage_error("serve", ".", "--listen", "nonsense")
        self.usage_error("serve", ".", "--log-format", "xml", texts=["text or json"])
        self.usage_error("serve", ".", "--log-level", "loud")
        self.usage_error("serve", ".", "--limit", "memory")

    def test_values_that_mean_nothing(self):
        for words, code in ((["--limit", "memory=64"], "E6004"),
                            (["--limit", "memroy=1B"], "E6002"),
                            (["--drain-timeout", "10"], "E6004"),
                            (["--drain-timeout", "soon"], "E6003")):
            self.assert_error(self.godwit("serve", ".", *words, code=2), code)

    def test_a_folder_that_is_not_there(self):
        done = self.godwit("serve", "nowhere", "--listen", "127.0.0.1:0", code=1)
        self.assert_error(done, "E5006", "nowhere")


class Explain(CliTest):
    def test_one_code(self):
        for word in ("E2003", "e2003", "2003"):
            text = self.godwit("explain", word).text
            self.assertRegex(text, r"^E2003: ")
            self.assertIn("who acts", text)
            self.assertIn("what to do", text)

    def test_all_codes(self):
        lines = self.godwit("explain").text.split("\n")
        listed = self.godwit("explain", "--json").json
        self.assertGreater(len(listed), 50)
        for row in listed:
            self.assertTrue(any(line.startswith(row["code"]) for line in lines), row)
            self.assertEqual(row, self.godwit("explain", row["code"], "--json").json)

    def test_unknown_code(self):
        self.assert_error(self.godwit("explain", "E9999", code=1), "E7007", "E9999")


class Version(CliTest):
    def test_text(self):
        for words in (["version"], ["--version"]):
            self.assertRegex(self.godwit(*words).text,
                             r"^godwit \d+\.\d+\.\d+\n  engine +wasmtime \d+\.\d+\.\d+\n")

    def test_json(self):
        version = self.godwit("version", "--json").json
        self.assertEqual(version["engine"]["name"], "wasmtime")
        self.assertEqual(version["contracts"], ["command", "http"])
        self.assertIn("wasi_snapshot_preview1", version["interfaces"])
        self.assertTrue(version["features"]["simd"])
        self.assertFalse(version["features"]["threads"])


class Check(CliTest):
    def test_accepted(self):
        self.write("good.wat", WASI)
        text = self.godwit("check", "good.wat").text
        self.assertRegex(text, r"^good\.wat: accepted\n")
        for part in ("core module (text)", "command", "/good", "wasi_snapshot_preview1: proc_exit",
                     "memory=128MiB", "1 pages (64KiB), at most 2", "granted       nothing"):
            self.assertIn(part, text)

    def test_refused_with_what_finds_nothing(self):
        self.write("bad.wat", UNKNOWN_IMPORT)
        done = self.godwit("check", "bad.wat", code=1)
        self.assert_error(done, "E2003", "env.frob")
        self.assertRegex(done.text, r"^bad\.wat: refused\n")
        self.assertIn("not provided: env.frob function () -> ()", done.text)

    def test_settings_beside_it_count(self):
        self.write("f.wat", b'(module (memory 3) (func (export "_start")))')
        self.write("f.toml", b'limits = { memory = "128KiB", cpu = "50ms" }\n')
        done = self.godwit("check", "f.wat", code=1)
        self.assert_error(done, "E2011")
        self.assertIn("cpu=50ms (set)", done.text)
        self.write("f.toml", b"limits = { memroy = 1 }\n")
        self.assert_error(self.godwit("check", "f.wat", code=1), "E6002", "f.toml:1", "memory")

    def test_one_refusal_among_several(self):
        self.write("good.wat", GOOD)
        self.write("bad.wat", b"(module")
        done = self.godwit("check", "good.wat", "bad.wat", "none.wasm", "--json", code=1)
        self.assertEqual([row["accepted"] for row in done.json], [True, False, False])
        codes = [row["error"] and row["error"]["code"] for row in done.json]
        self.assertEqual(codes, [None, "E2002", "E5006"])
        self.assertEqual(done.json[0]["limits"]["memory"], "128MiB")
        self.assertEqual(done.stderr, "")

    def test_it_compiles_but_does_not_run(self):
        # Only the compiler sees that the body is not valid.
        self.write("body.wat", b'(module (func (export "_start") (i32.add)))')
        self.assert_error(self.godwit("check", "body.wat", code=1), "E2001")
        self.write("loop.wat", b'(module (func $f (loop (br 0))) (start $f) '
                               b'(func (export "_start")))')
        self.godwit("check", "loop.wat")

    def test_names_cannot_write_to_the_terminal(self):
        self.write("evil.wat", b'(module (import "e\\1b[2Jv" "f" (func)) (func (export "_start")))')
        done = self.godwit("check", "evil.wat", code=1)
        self.assertNotIn("\x1b", done.text + done.stderr)


class Wat(CliTest):
    def test_there_and_back(self):
        self.write("a.wat", WASI)
        self.godwit("wat", "a.wat", "-o", "a.wasm")
        binary = (self.folder / "a.wasm").read_bytes()
        self.assertEqual(binary[:4], b"\0asm")
        self.assertEqual(self.godwit("wat", "a.wat").stdout, binary)
        text = self.godwit("wat", "a.wasm").stdout
        self.assertIn(b"(module", text)
        self.write("b.anything", text)
        self.assertEqual(self.godwit("wat", "b.anything", "--output=-").stdout, binary)

    def test_binary_never_goes_to_a_terminal(self):
        self.write("a.wat", GOOD)
        ours, theirs = pty.openpty()
        try:
            self.assert_error(self.godwit("wat", "a.wat", code=2, stdout=theirs), "E6005", "-o OUT")
            self.godwit("wat", "a.wat", "-o", "a.wasm")
            self.godwit("wat", "a.wasm", stdout=theirs)  # text may
        finally:
            os.close(theirs)
            os.close(ours)

    def test_errors(self):
        self.write("bad.wat", b"(module\n  (func $f (result i32) nonsense))")
        self.assert_error(self.godwit("wat", "bad.wat", code=1), "E2002", "2:")
        self.write("bad.wasm", b"\0asm\1\0\0\0\xff")
        self.assert_error(self.godwit("wat", "bad.wasm", code=1), "E2001")
        self.write("a.wat", GOOD)
        done = self.godwit("wat", "a.wat", "-o", "no/such/folder", code=1)
        self.assert_error(done, "E5007", "no/such/folder")


class Compile(CliTest):
    def test_writes_what_the_cache_holds(self):
        self.write("a.wat", GOOD)
        state = self.folder / "state"
        done = self.godwit("compile", "a.wat", "-o", "a.artifact", "--state-dir", state)
        self.assertIn("compiled in", done.stderr)
        entries = list((state / "artifacts").glob("*.artifact"))
        self.assertEqual(len(entries), 1)
        self.assertEqual(entries[0].read_bytes(), (self.folder / "a.artifact").read_bytes())
        again = self.godwit("compile", "a.wat", "-o", "b.artifact", "--state-dir", state)
        self.assertIn("compiled before", again.stderr)

    def test_errors(self):
        self.write("a.wat", GOOD)
        self.usage_error("compile", "a.wat", texts=["-o OUT"])
        self.write("bad.wat", UNKNOWN_IMPORT)
        self.assert_error(self.godwit("compile", "bad.wat", "-o", "x", code=1), "E2003")
        self.assertFalse((self.folder / "x").exists())
        self.write("file", b"")
        done = self.godwit("compile", "a.wat", "-o", "x", "--state-dir", "file", code=1)
        self.assert_error(done, "E5002")


class Doctor(CliTest):
    def test_tells_what_to_fix(self):
        done = Result(subprocess.run([harness.program(), "doctor", "--json"], env=ENVIRONMENT,
                                     capture_output=True, timeout=harness.PATIENCE_S, check=False))
        checks = {check["name"]: check for check in done.json["checks"]}
        failed = [name for name, check in checks.items() if check["status"] == "fail"]
        self.assertEqual(done.json["healthy"], not failed)
        self.assertEqual(done.code, 1 if failed else 0)
        for check in checks.values():
            self.assertIn(check["status"], ("ok", "warn", "fail"))
            self.assertEqual(check["fix"] is None, check["status"] == "ok", check)
        # All other tests need these.
        for name in ("kernel", "memory files", "state folder", "engine"):
            self.assertNotEqual(checks[name]["status"], "fail", checks[name])

    def test_an_unusable_state_folder(self):
        state = self.folder / "state"
        state.mkdir()
        state.chmod(0o777)
        done = self.godwit("doctor", "--state-dir", state, code=1)
        self.assertRegex(done.text, r"(?m)^fail  state folder .*\n +fix: ")
        state.chmod(0o700)
        self.assertNotIn("fail  state folder", self.godwit("doctor", "--state-dir", state,
                                                           code=self.healthy()).text)
        (state / "node.key").chmod(0o644)
        done = self.godwit("doctor", "--state-dir", state, code=1)
        self.assertIn("can be read by others", done.text)

    def healthy(self):
        """The exit code on this machine, when nothing is wrong with the state folder."""
        done = subprocess.run([harness.program(), "doctor"], env=ENVIRONMENT, check=False,
                              stdout=subprocess.DEVNULL, timeout=harness.PATIENCE_S)
        return done.returncode

    def test_few_descriptors(self):
        done = self.godwit("doctor", code=1, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (256, 256)))
        self.assertRegex(done.text, r"(?m)^fail  descriptors .*256.*\n +fix: ")


class NewAndBuild(CliTest):
    def project(self, language, environment=None):
        name = f"hello-{language}"
        done = self.godwit("new", language, name)
        self.assertIn(f"godwit build {name}", done.text)
        readme = (self.folder / name / "README.md").read_text()
        self.assertEqual(readme.count("\n"), 3)
        done = self.godwit("build", name, env=environment or ENVIRONMENT)
        self.assertRegex(done.text, rf"^built {name}/{name}\.wasm \(\S+\)\n$")
        module = self.folder / name / f"{name}.wasm"
        self.assertEqual(module.stat().st_mode & 0o022, 0)
        answer = self.godwit("run", module, "name=Ada", stdin=b"the body").stdout
        self.assertEqual(answer, b"Hello, Ada!\nthe body")
        self.assertEqual(self.godwit("run", module).stdout, b"Hello, World!\n")
        self.godwit("check", module)
        return self.folder / name

    def test_wat(self):
        folder = self.project("wat")
        source = folder / "src/main.wat"
        source.write_text(source.read_text().replace("(i32.const 14)", "(i32.const nonsense)"))
        before = (folder / "hello-wat.wasm").read_bytes()
        done = self.godwit("build", folder, code=1)
        self.assert_error(done, "E2002", "src/main.wat:")
        self.assertEqual((folder / "hello-wat.wasm").read_bytes(), before)

    @unittest.skipUnless(shutil.which("clang-19") or shutil.which("clang"), "no clang")
    def test_c(self):
        folder = self.project("c")
        (folder / "src/main.c").write_text("int main(void) { return nonsense; }\n")
        done = self.godwit("build", folder, code=1)
        self.assert_error(done, "E7006", "clang", "apt-get install")
        self.assertIn("nonsense", done.stderr)  # the compiler's own words

    def need_rust(self, target):
        if not (shutil.which("cargo") and shutil.which("rustc")):
            self.skipTest("no Rust")
        libraries = subprocess.run(["rustc", "--print", "target-libdir", "--target", target],
                                   capture_output=True, text=True, check=False).stdout.strip()
        if not libraries or not pathlib.Path(libraries).exists():
            self.skipTest(f"rustup target add {target}")

    def test_rust(self):
        self.need_rust("wasm32-wasip1")
        self.project("rust")

    def rust_http(self, language):
        """Its crates come from the registry: without a network there is nothing to test."""
        self.need_rust("wasm32-wasip2")
        self.godwit("new", language, "probe")
        fetched = subprocess.run(["cargo", "fetch", "--quiet"], cwd=self.folder / "probe",
                                 capture_output=True, check=False)
        if fetched.returncode != 0:
            self.skipTest("the crates can't be fetched")
        self.project(language)

    def test_rust_http(self):
        self.rust_http("rust-http")

    def test_rust_http_p3(self):
        self.rust_http("rust-http-p3")

    def test_a_tool_that_is_missing(self):
        empty = {**ENVIRONMENT, "PATH": str(self.folder)}
        self.godwit("new", "c", "one")
        self.assert_error(self.godwit("build", "one", code=1, env=empty), "E7005",
                          "apt-get install clang-19")
        self.godwit("new", "rust", "two")
        self.assert_error(self.godwit("build", "two", code=1, env=empty), "E7005",
                          "rustup target add wasm32-wasip1")

    def test_build_here(self):
        self.godwit("new", "wat", "here")
        done = subprocess.run([harness.program(), "build"], cwd=self.folder / "here",
                              capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stdout[:16]), (0, b"built here.wasm "), done)

    def test_a_built_project_can_be_served(self):
        self.godwit("new", "wat", "hello")
        self.godwit("build", "hello")
        folder = harness.Folder()
        folder.path = self.folder / "hello"
        with harness.Server.started(folder) as server:
            self.assertEqual(server.get("/hello?name=Ada").body, b"Hello, Ada!\n")

    def test_names_are_checked(self):
        for name in ("../up", "a/b", "", ".hidden", "-x", "a b", "x" * 64):
            self.assertEqual(self.godwit("new", "c", name, code=2).stdout, b"")
        self.assertEqual(list(self.folder.iterdir()), [])
        self.usage_error("new", "rsut", "x", texts=["Did you mean rust?"])
        self.godwit("new", "c", "twice")
        self.usage_error("new", "c", "twice", texts=["exists already"])

    def test_nothing_to_build(self):
        self.assert_error(self.godwit("build", code=1), "E5006", "godwit new")
        self.assert_error(self.godwit("build", "nowhere", code=1), "E5006", "nowhere")

    def test_a_module_that_would_be_refused_is_no_result(self):
        self.write("lib/src/main.wat", b'(module (func (export "other")))')
        self.assert_error(self.godwit("build", "lib", code=1), "E2004")
        self.assertFalse((self.folder / "lib/lib.wasm").exists())


if __name__ == "__main__":
    harness.main()
