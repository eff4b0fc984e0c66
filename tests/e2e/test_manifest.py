#!/usr/bin/env python3
"""godwit.toml: what it serves, who grants, what a reload does (docs/contract.md, "godwit.toml")."""
import signal
import subprocess
import types
import unittest

import harness
from test_cli_run import STRINGS
from test_folder import HELLO, saying


def variables(response):
    """What the guest STRINGS printed: its environment and arguments."""
    return response.body.decode().split("\0")[:-1]


def value(response, name):
    found = [each for each in variables(response) if each.startswith(name + "=")]
    return found[0][len(name) + 1:] if found else None


class ManifestTest(unittest.TestCase):
    def setUp(self):
        self.site = harness.Folder()
        self.server = None

    def manifest(self, text):
        self.site.write("godwit.toml", text.encode())

    def serve(self, *options, path="godwit.toml", **keywords):
        """Serves the file (or with path="." the folder)."""
        place = types.SimpleNamespace(path=self.site.path / path)
        self.server = harness.Server.started(place, "--threads", "2", *options, **keywords)
        self.addCleanup(self.end)
        return self.server

    def end(self):
        self.server.kill()

    def refused(self, *options, path="godwit.toml"):
        """What a server says that does not start."""
        done = subprocess.run(
            [harness.program(), "serve", str(self.site.path / path), "--listen", "127.0.0.1:0",
             "--state-dir", str(harness.scratch() / "state"), *options],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(done.stdout, b"")
        return done.stderr.decode()

    def get(self, path, **keywords):
        return self.server.get(path, **keywords)

    def reload(self):
        self.server.signal(signal.SIGHUP)

    def wait_body(self, path, body):
        harness.wait_for(lambda: self.get(path).body == body, f"{path} to say {body}")

    def wait_status(self, path, status):
        harness.wait_for(lambda: self.get(path).status == status, f"{path} to be {status}")

    def assert_refused(self, path, code, *texts):
        """503 with the code, and a line in the log that says why."""
        response = self.get(path)
        self.assertEqual((response.status, response.code), (503, code), response)
        said = [record["error"] for record in self.server.log(part="serve", level="error")]
        for text in texts:
            self.assertTrue(any(text in each for each in said), (text, said))


class Functions(ManifestTest):
    def test_sources_routes_environment_and_limits(self):
        self.site.write("bin/hello.wat", HELLO)
        self.site.write("strings.wat", STRINGS)
        self.site.write("sleep.wat", harness.wat("sleep"))
        self.manifest("""
            [function."shop/cart"]
            source = "bin/hello.wat"
            [function.env]
            source = "strings.wat"
            routes = ["/img/{id}", "POST example.com/x"]
            environment = { QUALITY = "80" }
            arguments = ["fast"]
            [function.slow]
            source = "sleep.wat"
            limits = { timeout = "100ms" }
        """)
        server = self.serve()
        self.assertEqual(server.function_count, 3)
        self.assertEqual(self.get("/shop/cart/7").body, b"hello\n")
        response = self.get("/img/a%20b?QUALITY=1")
        self.assertEqual(value(response, "QUALITY"), "80")
        self.assertEqual(value(response, "PATH_PARAM_ID"), "a b")
        self.assertEqual(variables(response)[-2:], ["env", "fast"])
        self.assertEqual(self.get("/env").status, 404)  # with routes, its name is none
        self.assertEqual(self.get("/img").status, 404)
        self.assertEqual(self.get("/slow?ms=5000").code, "E4003")

    def test_a_source_outside_of_the_files_folder(self):
        elsewhere = harness.Folder()
        elsewhere.write("built.wat", HELLO)
        self.site.write("sub/inner.wat", saying("inner"))
        self.site.write("conf/godwit.toml", f"""
            [function.absolute]
            source = "{elsewhere.path}/built.wat"
            [function.upward]
            source = "../sub/inner.wat"
        """.encode())
        self.serve(path="conf/godwit.toml")
        self.assertEqual(self.get("/absolute").body, b"hello\n")
        self.assertEqual(self.get("/upward").body, b"inner\n")

    def test_unsafe_and_missing_sources(self):
        self.site.write("open.wat", HELLO, mode=0o666)
        (self.site.path / "link.wat").symlink_to("open.wat")
        self.manifest("[function.open]\nsource='open.wat'\n[function.link]\nsource='link.wat'\n"
                      "[function.none]\nsource='none.wat'\n[function.up]\nsource='../x/../y.wat'")
        self.assertEqual(self.serve().function_count, 0)
        self.assert_refused("/open", "E5003", "open.wat can be written")
        self.assert_refused("/link", "E5003", "link.wat is a symbolic link")
        self.assert_refused("/none", "E5006", "none.wat")
        self.assertEqual(self.get("/up").status, 503)

    def test_a_folder_besides(self):
        self.site.add("functions/hello", HELLO)
        self.site.add("functions/both", saying("outer"))
        self.site.write("main.wat", saying("inner"))
        self.manifest("[server]\nfolder = 'functions'\n[function.both]\nsource='main.wat'\n")
        self.serve()
        self.assertEqual(self.get("/hello").body, b"hello\n")
        self.assertEqual(self.get("/both").body, b"inner\n")  # the operator's
        problem = self.server.log(part="serve", level="warning", file="both.wat")[0]
        self.assertIn("E5005", problem["error"])

    def test_a_module_of_the_file_is_that_function_alone(self):
        self.site.add("resize", HELLO, settings='content-type = "text/css"\n')
        self.manifest("[function.thumb]\nsource='resize.wat'\n")
        self.serve(path=".")
        self.assertEqual(self.get("/thumb").body, b"hello\n")
        self.assertEqual(self.get("/resize").status, 404)
        self.assertIn("stand in godwit.toml",
                      self.server.log(level="warning", file="resize.toml")[0]["error"])

    def test_routes_that_conflict_end_the_start(self):
        self.site.write("a.wat", HELLO)
        self.manifest("[function.a]\nsource='a.wat'\nroutes=['/x/{id}']\n"
                      "[function.b]\nsource='a.wat'\nroutes=['/{name}/y']\n")
        self.assertIn("godwit: error E6007", self.refused())

    def test_a_folders_function_cannot_take_the_operators_routes(self):
        self.site.write("a.wat", HELLO)
        self.site.add("functions/greedy", saying("gotit"), settings='routes = ["/{anything}"]\n')
        self.site.add("functions/fine", saying("finer"), settings='routes = ["/fine/{x}"]\n')
        self.manifest("[server]\nfolder='functions'\n"
                      "[function.a]\nsource='a.wat'\nroutes=['/{id}']\n")
        self.serve()
        self.assertEqual(self.get("/7").body, b"hello\n")
        self.assertEqual(self.get("/fine/7").body, b"finer\n")
        refusal = self.server.log(level="error", function="greedy")[0]
        self.assertIn("E6007", refusal["error"])

    def test_not_a_functions_file(self):
        for text, code, place in (
                ("[function.a]\nsource='a.wat'\nlimist = {}", "E6002", "godwit.toml:3:1"),
                ("[fucntion.a]\nsource='a.wat'", "E6002", 'did you mean "function"?'),
                ("[server]\nlisen = ['x']", "E6002", 'did you mean "listen"?'),
                ("[function.a", "E6001", "godwit.toml:1:"),
                ("[server]\nlisten = ['x']", "E6003", "godwit.toml:2:11"),
                ("[function.a]\nsource='a.wat'\nroutes = ['nope']", "E6003", "godwit.toml:3:11"),
                ("[function.a]\nsource='a.wat'\nlimits = { cpu = 3 }", "E6004", "godwit.toml:3")):
            with self.subTest(text):
                self.manifest(text)
                said = self.refused()
                self.assertIn(f"godwit: error {code}", said)
                self.assertIn(place, said)
                self.assertIn("\n  hint: ", said)
                self.assertIn(f"godwit: error {code}", self.refused(path="."))

    def test_a_file_that_others_can_write_is_refused(self):
        """It must not be ignored: without it a NAME.toml would be the operator's word."""
        self.site.add("hello", HELLO)
        self.site.write("godwit.toml", b"", mode=0o666)
        self.assertIn("godwit: error E5003", self.refused(path="."))
        self.site.remove("godwit.toml")
        (self.site.path / "godwit.toml").symlink_to("nowhere.toml")
        self.assertIn("godwit: error E5003", self.refused(path="."))


class Server(ManifestTest):
    def test_flags_win_over_the_file(self):
        self.site.write("sleep.wat", harness.wat("sleep"))
        self.manifest("""
            [server]
            listen = ["127.0.0.1:1"]
            log-format = "text"
            log-level = "error"
            limit = { timeout = "9s", queue = 3 }
            [function.sleep]
            source = "sleep.wat"
        """)
        self.serve("--limit", "timeout=100ms", "--log-level", "info")
        self.assertEqual(self.get("/sleep?ms=5000").code, "E4003")
        self.server.wait_log(part="access", level="info")

    def test_the_file_alone(self):
        self.site.write("sleep.wat", harness.wat("sleep"))
        self.manifest("""
            [server]
            listen = ["127.0.0.1:0", "127.0.0.2:0"]
            state-dir = "state"
            log-format = "json"
            log-level = "warning"
            threads = 1
            dev = true
            limit = { timeout = "100ms" }
            [function.sleep]
            source = "sleep.wat"
        """)
        command = [harness.program(), "serve", str(self.site.path / "godwit.toml")]
        self.server = harness.Server.started(self.site, command=command)
        self.addCleanup(self.end)
        self.assertEqual(self.server.stdout.count("http://"), 2)
        self.assertTrue((self.site.path / "state").is_dir())  # relative to the file
        self.assertEqual(self.get("/sleep?ms=5000").code, "E4003")
        self.assertIn(b"sleep", self.get("/").body)  # dev
        self.assertEqual(self.server.log(level="info"), [])

    def test_what_needs_a_restart_says_so_once(self):
        self.site.write("a.wat", HELLO)
        text = "[function.a]\nsource='a.wat'\n[server]\n"
        self.manifest(text)
        self.serve()
        self.manifest(text + "listen=['127.0.0.1:2']\nlog-level='debug'\nlimit={cpu='1s'}")
        self.reload()
        warning = self.server.wait_log(level="warning",
                                       message="changed settings of [server] need a restart")
        self.assertEqual(warning["keys"], "listen, log-level")
        self.reload()
        self.manifest(text)
        self.reload()
        self.manifest(text + "threads=5")
        self.reload()
        self.server.wait_log(level="warning", keys="threads")
        self.assertEqual(len(self.server.log(level="warning", keys="listen, log-level")), 1)


class Reload(ManifestTest):
    FIRST = "[function.a]\nsource='a.wat'\n"

    def test_a_broken_file_changes_nothing(self):
        self.site.write("a.wat", HELLO)
        self.site.write("b.wat", saying("later"))
        self.manifest(self.FIRST)
        self.serve()
        for number, broken in enumerate(
                ("[function.b", "[function.b]\nsorce='b.wat'",
                 "[function.b]\nsource='b.wat'\nroutes=['/a']\n" + self.FIRST), 1):
            self.site.write("a.wat", saying("other"))
            self.manifest(broken)
            self.reload()
            refusal = self.server.wait_log(number, level="error",
                                           message="the configuration is refused; nothing changes")
            self.assertRegex(refusal["error"], "^E600[127]: ")
            self.assertEqual(self.get("/a").body, b"hello\n")
            self.assertEqual(self.get("/b").status, 404)
        self.manifest(self.FIRST + "[function.b]\nsource='b.wat'\n")
        self.reload()
        self.wait_body("/b", b"later\n")
        self.assertEqual(self.get("/a").body, b"other\n")

    def test_watching_the_file_and_its_sources(self):
        elsewhere = harness.Folder()
        elsewhere.write("built.wat", HELLO)
        source = f"source='{elsewhere.path}/built.wat'\n"
        self.manifest("[function.a]\n" + source)
        self.serve("--watch")
        elsewhere.write("built.wat", saying("other"))
        self.wait_body("/a", b"other\n")
        self.manifest("[function.b]\n" + source + "environment={X='1'}\n")
        self.wait_body("/b", b"other\n")
        self.assertEqual(self.get("/a").status, 404)
        self.manifest("[function.b")
        self.server.wait_log(level="error", part="serve")
        self.assertEqual(self.get("/b").body, b"other\n")
        self.manifest("[function.b]\n" + source + "routes=['/c']\n")
        self.wait_body("/c", b"other\n")

    def test_watching_a_folder_with_a_file_that_comes_and_goes(self):
        self.site.add("f", HELLO, settings='limits = { cpu = "9s" }\n')
        self.serve("--watch", path=".")
        self.assertEqual(self.get("/f").status, 200)
        # From now on its NAME.toml only asks.
        self.manifest("[bounds]\n'*' = { cpu = '1s' }\n")
        self.wait_status("/f", 503)
        self.site.remove("godwit.toml")
        self.wait_status("/f", 200)

    def test_a_line_that_moved_replaces_nothing(self):
        self.site.write("a.wat", HELLO)
        self.manifest(self.FIRST)
        self.serve()
        self.manifest("# a comment\n\n" + self.FIRST + "[function.b]\nsource='a.wat'\n")
        self.reload()
        self.wait_body("/b", b"hello\n")
        self.assertEqual(self.server.log(message="function replaced"), [])

    def test_routes_come_back_when_the_conflict_is_over(self):
        self.site.write("main.wat", HELLO)
        self.site.add("functions/f", saying("forth"), settings='routes = ["/x"]\n')
        other = "[server]\nfolder='functions'\n[function.main]\nsource='main.wat'\nroutes=['/y']\n"
        self.manifest(other)
        self.serve()
        self.assertEqual(self.get("/x").body, b"forth\n")
        self.manifest(other.replace("/y", "/x"))
        self.reload()
        self.wait_body("/x", b"hello\n")
        self.assertIn("E6007", self.server.wait_log(level="error", function="f")["error"])
        self.manifest(other)
        self.reload()
        self.wait_body("/x", b"forth\n")
        # A newcomer has no right to a route that somebody has.
        self.site.add("functions/a", saying("thief"), settings='routes = ["/x"]\n')
        self.reload()
        self.server.wait_log(level="error", function="a")
        self.assertEqual(self.get("/x").body, b"forth\n")
        # And who had another one keeps that.
        self.site.add("functions/a", saying("thief"), settings='routes = ["/z"]\n')
        self.reload()
        self.wait_body("/z", b"thief\n")
        self.site.add("functions/a", saying("worse"), settings='routes = ["/z", "/x"]\n')
        self.reload()
        self.server.wait_log(2, level="error", function="a")
        self.assertEqual(self.get("/x").body, b"forth\n")
        self.assertEqual(self.get("/z").body, b"thief\n")


if __name__ == "__main__":
    harness.main()
