#!/usr/bin/env python3
"""Who grants: what functions ask for, what the operator's godwit.toml allows, where secrets are
(docs/contract.md, "Who grants"); `check` and `run` of such functions."""
import pathlib

import harness
from test_cli import ENVIRONMENT, CliTest
from test_cli_run import STRINGS
from test_folder import HELLO, saying
from test_manifest import ManifestTest, value

SECRET = "hunter2-is-not-for-your-eyes"


class Grants(ManifestTest):
    """A NAME.toml beside a godwit.toml asks; the godwit.toml grants."""

    def test_more_than_granted_is_refused_alone(self):
        self.site.write("data/x", b"")
        self.site.add("fine", HELLO, settings='[files]\n"/d" = { volume = "pictures" }\n')
        self.site.add("writes", HELLO,
                      settings='[files]\n\n"/d" = { volume = "pictures", mode = "write" }\n')
        self.site.add("other", HELLO, settings='[files]\n"/d" = { volume = "pictures" }\n')
        self.site.add("undefined", HELLO, settings='[files]\n"/d" = { volume = "none" }\n')
        self.site.add("large", HELLO, settings='limits = { memory = "512MiB" }\n')
        self.site.add("tmp", HELLO, settings='[files]\n"/tmp" = { tmpfs = "2MiB" }\n')
        self.site.add("secret", HELLO, settings='secrets = ["KEY"]\n')
        self.manifest("""
[volume.pictures]
path = "data"
functions = ["fine", "writes"]
[secret.KEY]
environment = "KEY"
[bounds]
"*" = { memory = "256MiB", tmpfs = "1MiB" }
""")
        self.serve(path=".")
        self.assertEqual(self.get("/fine").body, b"hello\n")
        self.assert_refused(
            "/writes", "E6006",
            'writes.toml:3:1: asks for the volume "pictures" in mode "write"; the operator allows '
            'it with modes = ["read", "write"] in [volume.pictures] (godwit.toml:2:1)')
        self.assert_refused("/other", "E6006",
                            'with functions = ["fine", "writes", "other"] in [volume.pictures]')
        self.assert_refused("/undefined", "E6006", "godwit.toml does not define it")
        self.assert_refused("/large", "E6006", 'large.toml:1:12: asks for the limit memory',
                            'with memory = "512MiB" in [bounds] "*" (godwit.toml:8:9)')
        self.assert_refused("/tmp", "E6006", "2MiB of tmpfs altogether")
        self.assert_refused("/secret", "E6006", 'functions = ["secret"] in [secret.KEY]')

    def test_without_an_operators_file_no_volume_is_granted(self):
        self.site.add("f", HELLO, settings='[files]\n"/d" = { volume = "v" }\n')
        self.site.add("g", HELLO, settings='limits = { memory = "1GiB" }\n')
        self.serve(path=".")
        self.assert_refused("/f", "E6006", "f.toml:2:1", "a godwit.toml has to define it")
        self.assertEqual(self.get("/g").body, b"hello\n")

    def test_what_cannot_be_opened(self):
        self.site.write("f.wat", HELLO)
        self.site.write("key", SECRET.encode(), mode=0o644)
        self.manifest("[function.v]\nsource='f.wat'\nfiles={ '/d' = { volume = 'v' } }\n"
                      "[function.s]\nsource='f.wat'\nsecrets=['K']\n"
                      "[function.e]\nsource='f.wat'\nsecrets=['E']\n"
                      "[volume.v]\npath='missing'\n[secret.K]\nfile='key'\n"
                      "[secret.E]\nenvironment='GODWIT_TEST_NOT_SET'\n")
        self.serve()
        self.assert_refused("/v", "E6009", "missing")
        self.assert_refused("/s", "E6008", "its group or others have access to it (mode 0644)")
        self.assert_refused("/e", "E6008", "GODWIT_TEST_NOT_SET: it is not set")
        self.assertIn(f"chmod 600 {self.site.path}/key",
                      self.server.log(level="error", function="s")[0]["hint"])
        self.assertNotIn(SECRET, "".join(self.server.lines))
        (self.site.path / "key").chmod(0o600)  # mended
        self.reload()
        self.wait_body("/s", b"hello\n")

    def test_a_grant_that_is_taken_back_ends(self):
        """Not so a broken file: what runs with a grant is no older version to fall back to."""
        (self.site.path / "data").mkdir(mode=0o755)
        self.site.add("f", HELLO, settings='[files]\n"/d" = { volume = "v" }\n')
        granted = "[volume.v]\npath='data'\nfunctions=['f']\n"
        self.manifest(granted)
        self.serve(path=".")
        self.assertEqual(self.get("/f").status, 200)
        self.manifest("[volume.v]\npath='data'\nfunctions=[]\n")
        self.reload()
        self.wait_status("/f", 503)
        self.assertEqual(self.get("/f").code, "E6006")
        self.manifest(granted)
        self.reload()
        self.wait_status("/f", 200)

    def test_a_new_version_that_asks_too_much_leaves_the_old_one(self):
        self.site.add("f", HELLO)
        self.manifest("[bounds]\n'*' = { cpu = '1s' }\n")
        self.serve(path=".")
        self.site.add("f", saying("newer"), settings="limits = { cpu = '2s' }\n")
        self.reload()
        refusal = self.server.wait_log(level="error", function="f")
        self.assertIn("old one", refusal["message"])
        self.assertIn("E6006", refusal["error"])
        self.assertEqual(self.get("/f").body, b"hello\n")
        self.manifest("[bounds]\n'*' = { cpu = '2s' }\n")
        self.reload()
        self.wait_body("/f", b"newer\n")


class Secrets(ManifestTest):
    def test_for_the_named_function_only_and_nowhere_else(self):
        self.site.write("strings.wat", STRINGS)
        self.site.write("api.key", SECRET.encode() + b"\n", mode=0o600)
        self.manifest("""
            [function.named]
            source = "strings.wat"
            secrets = ["KEY", "FROM_FILE"]
            [function.other]
            source = "strings.wat"
            [secret.KEY]
            environment = "GODWIT_TEST_KEY"
            functions = ["named"]
            [secret.FROM_FILE]
            file = "api.key"
        """)
        self.serve("--dev", "--log-level", "debug", environment={"GODWIT_TEST_KEY": SECRET + "-e"})
        response = self.get("/named?KEY=forged&FROM_FILE=forged")
        self.assertEqual(value(response, "KEY"), SECRET + "-e")
        self.assertEqual(value(response, "FROM_FILE"), SECRET)
        self.assertNotIn(SECRET, self.get("/other").text)
        self.assertNotIn(SECRET, self.get("/").text)
        pid = self.server.process.pid
        self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{pid}/environ").read_bytes())
        for child in harness.children(pid):
            self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{child}/environ").read_bytes())
        # Again, after the variable is gone: it is remembered.
        self.reload()
        self.server.wait_log(message="SIGHUP: reading the configuration again")
        self.assertEqual(value(self.get("/named"), "KEY"), SECRET + "-e")
        self.server.stop()
        self.assertNotIn(SECRET, "".join(self.server.lines))

    def test_a_new_value_comes_with_a_reload(self):
        self.site.write("strings.wat", STRINGS)
        self.site.write("key", b"first", mode=0o600)
        self.manifest("[function.f]\nsource='strings.wat'\nsecrets=['KEY']\n"
                      "[secret.KEY]\nfile='key'\n")
        self.serve()
        self.assertEqual(value(self.get("/f"), "KEY"), "first")
        self.site.write("key", b"second", mode=0o600)
        self.reload()
        harness.wait_for(lambda: value(self.get("/f"), "KEY") == "second", "the new value")
        self.site.write("key", b"third", mode=0o644)  # can't be used: the function keeps its own
        self.reload()
        self.server.wait_log(level="error", function="f")
        self.assertEqual(value(self.get("/f"), "KEY"), "second")


class Check(CliTest):
    def test_all_of_a_site(self):
        (self.folder / "data").mkdir()
        self.folder.chmod(0o755)
        self.write("f.wat", STRINGS)
        self.write("own.wat", HELLO)
        self.write("f.toml", b'secrets = ["KEY"]\nroutes = ["/x/{id}"]\n'
                             b'limits = { cpu = "1s" }\n[files]\n"/d" = { volume = "v" }\n'
                             b'"/tmp" = { tmpfs = "1MiB", scope = "function" }\n')
        self.write("godwit.toml", b"[function.own]\nsource='own.wat'\n"
                                  b"[volume.v]\npath='data'\nfunctions=['f']\n"
                                  b"[secret.KEY]\nenvironment='GODWIT_TEST_KEY'\nfunctions=['*']\n")
        for path in self.folder.iterdir():
            path.chmod(0o755 if path.is_dir() else 0o644)
        secret = {"env": {**ENVIRONMENT, "GODWIT_TEST_KEY": SECRET}}
        for words in (("f.wat",), (".",), ("godwit.toml", "f.wat")):
            done = self.godwit("check", *words, **secret)
            for part in ("f.wat: accepted", "/x/{id}", '/d: volume "v" (data), read',
                         "/tmp: tmpfs of 1MiB and 1024 files, kept for the function",
                         "secrets: KEY", "cpu=1s (set)"):
                self.assertIn(part, done.text)
            self.assertNotIn(SECRET, done.text + done.stderr)
        rows = self.godwit("check", ".", "--json").json
        self.assertEqual([row["file"].split("/")[-1] for row in rows], ["own.wat", "f.wat"])
        self.assertEqual(rows[1]["granted"]["secrets"], ["KEY"])
        self.assertEqual(rows[1]["granted"]["files"][0],
                         {"path": "/d", "volume": "v", "mode": "read"})
        self.assertEqual(rows[1]["routes"], ["/x/{id}"])

    def test_what_would_be_refused(self):
        self.write("f.wat", HELLO)
        self.write("f.toml", b'[files]\n"/d" = { volume = "v" }\n')
        done = self.godwit("check", "f.wat", code=1)
        self.assert_error(done, "E6006", "f.toml:2:1", "a godwit.toml has to define it")
        self.assertIn('asks for      /d: volume "v", read', done.text)
        self.write("bad.toml", b"[function.a]\nsource='f.wat'\nroutes=['/x/{a}']\n"
                               b"[function.b]\nsource='f.wat'\nroutes=['/{a}/x']\n"
                               b"[function.c]\nsource='none.wat'\n")
        for path in self.folder.iterdir():
            path.chmod(0o644)
        self.folder.chmod(0o755)
        rows = self.godwit("check", "bad.toml", "--json", code=1).json
        self.assertEqual([row["error"] and row["error"]["code"] for row in rows],
                         [None, "E6007", "E5006"])
        self.write("broken.toml", b"[server]\nx=1\n")
        self.assert_error(self.godwit("check", "broken.toml", code=1), "E6002", "broken.toml:2:1")


class Run(CliTest):
    def run_strings(self, *words, **keywords):
        self.write("strings.wat", STRINGS)
        done = self.godwit("run", "strings.wat", *words, **keywords)
        return done.stdout.decode().split("\0")[:-1]

    def test_secrets_are_variables_around_us(self):
        self.write("strings.toml", b'secrets = ["GODWIT_TEST_KEY"]\n')
        environment = {**ENVIRONMENT, "GODWIT_TEST_KEY": SECRET}
        self.assertIn(f"GODWIT_TEST_KEY={SECRET}", self.run_strings(env=environment))
        done = self.godwit("run", "strings.wat", code=1)
        self.assert_error(done, "E6008", "strings.toml:1:12", "GODWIT_TEST_KEY")
        self.assertIn("GODWIT_TEST_KEY=by hand",
                      self.run_strings("--env", "GODWIT_TEST_KEY=by hand"))

    def test_volumes_are_given_by_hand(self):
        (self.folder / "data").mkdir()
        self.write("strings.toml", b'[files]\n"/d" = { volume = "v" }\n"/t" = { tmpfs = "1MiB" }\n')
        self.write("strings.wat", STRINGS)
        done = self.godwit("run", "strings.wat", code=1)
        self.assert_error(done, "E6006", 'the volume "v"', "--dir /d=FOLDER")
        self.run_strings("--dir", "/d=data", "--dir", ".=.")

    def test_wrong_folders(self):
        self.write("strings.wat", STRINGS)
        for words in (("--dir", "data"), ("--dir", "=data"), ("--dir", "/d="),
                      ("--dir", "/d=.", "--dir", "/d=.")):
            self.usage_error("run", "strings.wat", *words)
        self.assert_error(self.godwit("run", "strings.wat", "--dir", "/d=none", code=1), "E6009")
        self.write("file", b"")
        self.assert_error(self.godwit("run", "strings.wat", "--dir", "/d=file", code=1), "E6009")


del CliTest, ManifestTest

if __name__ == "__main__":
    harness.main()
