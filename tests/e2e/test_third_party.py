#!/usr/bin/env python3
"""Programs that nobody here wrote: those for WASI preview 1 run, the others are refused by name; a
CGI program of Debian's answers from a volume what it answers as a process of this machine.

tools/build_examples.sh --third-party fetches them; without them nothing is tested, and said so.
"""
import concurrent.futures
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import types
import unittest
import urllib.parse

import harness

FOLDER = pathlib.Path(os.environ.get("GODWIT_THIRD_PARTY", harness.SOURCE / "build/third-party"))
SETTINGS = {
    "pipe_reverse": "request-environment = false\n",
    "flite": 'arguments = ["-pw", "-f", "-", "-o", "none"]\n',
}


SPEECH = ('arguments = ["-t", "Hello from Godwit", "-o", "/dev/stdout"]\n'
          'content-type = "audio/x-wav"\n[files]\n"/dev" = "stdio"\n')
WAV_SHA256 = "c60a0bedb9013c6360e640337b22c9a1eb97777bbdf4efad7ac3be4a63f6e891"


def find(name):
    path = FOLDER / f"{name}.wasm"
    return path if path.is_file() else None


class ThirdParty(harness.ServerTest):
    NAMES = ("envvar", "pipe_reverse", "mapdir", "flite", "wasi-unstable", "custom-import", "7z",
             "quickjs")

    @classmethod
    def functions(cls, folder):
        missing = [name for name in cls.NAMES if find(name) is None]
        if missing:
            print(f"not fetched, so not tested: {', '.join(missing)} "
                  "(tools/build_examples.sh --third-party)")
        if len(missing) == len(cls.NAMES):
            raise unittest.SkipTest("no program of others is there")
        for name in cls.NAMES:
            if name not in missing:
                folder.add(name, find(name).read_bytes(), SETTINGS.get(name))
        if "flite" not in missing:
            folder.add("speech", find("flite").read_bytes(), SPEECH)

    def require(self, name):
        if find(name) is None:
            self.skipTest(f"{name}.wasm is not fetched")

    def said_of(self, name):
        return "".join(line for line in self.server.lines if f"{name}.wasm" in line)

    def test_envvar(self):
        """Reads DOG and sets others itself (Rust)."""
        self.require("envvar")
        response = self.get("/envvar?DOG=good+boy")
        self.assertEqual(response.status, 200, response)
        self.assertIn("good boy", response.text)

    def test_programs_that_never_start_with_an_environment(self):
        """pipe_reverse and mapdir carry a wasi-libc of 2019 that lacks a `return`: when it has
        filled the environment it goes on to _Exit(71)."""
        self.require("mapdir")
        response = self.request("POST", "/mapdir", body=b"Hello, World!")
        self.assert_problem(response, 500, "E3002")
        failure = self.server.wait_log(part="invocation",
                                       request_id=response.value("x-request-id"))
        self.assertIn("exit code 71", failure["detail"])

    def test_pipe_reverse(self):
        """Reads a line, prints it backwards; wants no environment."""
        self.require("pipe_reverse")
        response = self.request("POST", "/pipe_reverse?x=1", body=b"Hello World!")
        self.assertEqual((response.status, response.text), (200, "!dlroW olleH\n"), response)

    def test_flite_finds_words(self):
        """Speech synthesis in 16 MiB of C: prints the words that it would speak."""
        self.require("flite")
        response = self.request("POST", "/flite", body=b"Hello world, 42.\n")
        self.assertEqual(response.status, 200, response)
        for word in ("hello", "world", "forty", "two"):
            self.assertIn(word, response.text.lower())

    def test_flite_speaks(self):
        """It writes its WAV into a file only: /dev/stdout, by grant."""
        self.require("flite")
        response = self.get("/speech")
        self.assertEqual(response.status, 200, response)
        self.assertEqual(response.value("content-type"), "audio/x-wav")
        # The same bytes as under other hosts with a real file.
        self.assertEqual(hashlib.sha256(response.body).hexdigest(), WAV_SHA256)
        self.assertEqual(response.body[:4], b"RIFF")

    def test_wasi_unstable(self):
        """The snapshot before preview 1: it runs, or the refusal names it."""
        self.require("wasi-unstable")
        response = self.get("/wasi-unstable")
        if response.status != 200:
            self.assert_problem(response, 503, "E2003")
            self.assertIn("wasi_unstable", self.said_of("wasi-unstable"))

    def test_others_are_refused_by_name(self):
        for name, why in (("custom-import", "module.external"), ("7z", "import"),
                          ("quickjs", "import")):
            with self.subTest(name):
                self.require(name)
                response = self.get(f"/{name}")
                self.assertEqual(response.status, 503, response)
                self.assertRegex(response.code, r"^E20\d\d$")
                self.assertIn(response.code, self.said_of(name))
                self.assertIn(why, self.said_of(name))


CGI = "/cgi-bin/man/man2html"  # where its own links point
PAGES = "/usr/share/man"
CANARY = "the canary sings"
MANIFEST = """
[function.man]
source = "man2html.wasm"
routes = ["/cgi-bin/man/man2html", "/cgi-bin/man/man2html/{page...}"]
response = "cgi"
environment = { SOURCE_DATE_EPOCH = "1700000000" }
limits = { cpu = "5s" }
files = { "/usr/share/man" = { volume = "man", mode = "read" } }

[volume.man]
path = "root/usr/share/man"
"""

HEDGEHOG = r""".TH HEDGEHOG 1 "1 April 2024" "Garden 1.0" "Animals"
.SH NAME
hedgehog \- roll up, and wait
.SH SYNOPSIS
.B hedgehog
[\fB\-\-spines\fR \fIcount\fR] [\fIfile\fR ...]
.SH DESCRIPTION
An \(co \fIErinaceus\fR of 25 \(mu \(-> Größe < 30 & \(Po5.
.TP
.BI \-\-spines " count"
more of them; see
.BR quill (3)
and www.example.org.
.PP
.nf
  kept   as
     it stands
.fi
.TS
box;
l r.
spines<TAB>6000
legs<TAB>4
.TE
.SH SEE ALSO
.BR hedgehog (7)
""".replace("<TAB>", "\t")
QUILL = r""".Dd April 1, 2024
.Dt QUILL 3
.Os
.Sh NAME
.Nm quill
.Nd one of many
.Sh DESCRIPTION
Compressed, and in the other macro package.
""" + "".join(f".Pp\nSpine number {i}.\n" for i in range(4000))


def write_pages(folder):
    """A manual with what real ones have, and with what only an enemy would put there."""
    def write(name, text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (1_600_000_000, 1_600_000_000))

    quill = gzip.compress(QUILL.encode(), mtime=0)
    write("man1/hedgehog.1", HEDGEHOG)
    write("man7/hedgehog.7", HEDGEHOG.replace("HEDGEHOG 1", "HEDGEHOG 7"))
    write("man3/quill.3.gz", quill)
    write("man3/damaged.3.gz", quill[:len(quill) // 2])
    write("man3/nothing.3.gz", b"")
    write("man1/urchin.1", ".so man1/hedgehog.1\n")
    write("man1/spine.1", ".so man3/quill.3\n")
    write("man1/plain.1", "No macros here.\n")
    (folder / "man1/relative.1").symlink_to("../man7/hedgehog.7")
    # The canary is outside of the volume.
    outside = folder.parent / "canary.1"
    outside.write_text(HEDGEHOG.replace("roll up", CANARY))
    (folder / "man1/absolute.1").symlink_to(outside)
    (folder / "man1/up.1").symlink_to("../../canary.1")
    for name, target in (("absolute", "/usr/share/canary.1"), ("up", "../canary.1")):
        write(f"man1/{name}_so.1", HEDGEHOG.replace(".SH SEE ALSO", f".so {target}"))
    write("man1/endless.1", ".TH ENDLESS 1\n.SH NAME\nendless \\- never\n.so man1/endless.1\n")


class Man2html(harness.ServerTest):
    """docs/guides/existing-cgi.md: Debian's man2html over a folder of manual pages."""

    @classmethod
    def setUpClass(cls):
        if find("man2html") is None:
            raise unittest.SkipTest("man2html.wasm is not built "
                                    "(tools/build_examples.sh --third-party)")
        cls.folder = pathlib.Path(tempfile.mkdtemp(dir=harness.scratch(), prefix="man-"))
        cls.root = cls.folder / "root"
        write_pages(cls.root / PAGES[1:])
        shutil.copyfile(find("man2html"), cls.folder / "man2html.wasm")
        (cls.folder / "godwit.toml").write_text(MANIFEST)
        for path in cls.folder.glob("*.*"):
            path.chmod(0o644)
        cls.server = harness.Server.started(
            types.SimpleNamespace(path=cls.folder / "godwit.toml"), *cls.options)

    def native(self, query="", path_info=""):
        """What the same sources print as a process of this machine: status, fields, body."""
        programs = FOLDER / "man2html.reference"
        if not programs.is_dir() or not os.access("/bin/gzip", os.X_OK):
            self.skipTest("man2html is not built for this machine, or gzip is missing")
        for name, target in (("bin/gzip", "/bin/gzip"),
                             ("usr/bin/man2html", programs / "man2html")):
            link = self.root / name
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(target)
        variables = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": CGI,
                     "SERVER_NAME": "127.0.0.1", "HTTP_HOST": "127.0.0.1", "QUERY_STRING": query,
                     "PATH_INFO": urllib.parse.unquote(path_info),
                     "SOURCE_DATE_EPOCH": "1700000000",
                     "ROOT": str(self.root), "PATH": os.environ["PATH"]}
        done = subprocess.run([programs / "cgi"], env=variables, cwd="/", capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=harness.PATIENCE_S, check=False)
        head, blank, body = done.stdout.partition(b"\n\n")
        self.assertTrue(blank, done)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\n"))
        return int(fields.pop("Status", "200")[:3]), fields, body

    def ask(self, query="", path_info=""):
        response = self.get(CGI + path_info + ("?" + query if query else ""))
        self.assertTrue(response.complete, response)
        self.assertNotIn(CANARY.encode(), response.body)
        return response

    def expect_as_native(self, query="", path_info=""):
        status, fields, body = self.native(query, path_info)
        response = self.ask(query, path_info)
        self.assertEqual((response.status, response.body), (status, body))
        for name, value in fields.items():
            self.assertEqual(response.values(name), [value], name)
        return response

    def test_a_page(self):
        response = self.ask("1+hedgehog")
        self.assertEqual(response.status, 200, response)
        self.assertEqual(response.value("content-type"), "text/html; charset=UTF-8")
        self.assertEqual(response.value("last-modified"), "Sun, 13 Sep 2020 12:26:40 +0000")
        self.assertIn("<H1>HEDGEHOG</H1>", response.text)
        self.assertIn(f'<A HREF="{CGI}?3+quill">quill</A>', response.text)
        self.assertIn("Größe &lt; 30 &amp;", response.text)
        self.assertIn("22:13:20 GMT, November 14, 2023", response.text)

    def test_its_links_lead_on(self):
        found, index = [], self.ask("hedgehog").text
        self.assertIn("Index to hedgehog man pages", index)
        for link in re.findall(rf'HREF="{CGI}([^"]*)"', index):
            response = self.get(CGI + link)
            self.assertEqual(response.status, 200, link)
            self.assertIn("<H1>HEDGEHOG</H1>", response.text)
            found.append(link)
        self.assertEqual(found, [f"{PAGES}/man1/hedgehog.1", f"{PAGES}/man7/hedgehog.7"])

    def test_answers_as_on_this_machine(self):
        for query in ("1+hedgehog", "7+hedgehog", "hedgehog", "quill", "3+quill", "urchin", "spine",
                      "relative", "plain", "nothing", "1+quill", "8+hedgehog", "porcupine",
                      "2+porcupine", "query=quill", "quill&x=y", "%71uill", "%3Cscript%3E",
                      "-M+/usr/share/man+quill", "-M+/etc+passwd", "/etc/passwd",
                      "../../../../etc/passwd", "/usr/share/man/../../../etc/passwd",
                      "man1/../../../../etc/passwd", "a" * 600):
            with self.subTest(query=query[:40]):
                self.expect_as_native(query)
        for path in ("man1/hedgehog.1", "man3/quill.3.gz", "man3/quill.3", "man3/quill.1",
                     "man9/quill.9", "man1/%68edgehog.1", "man1", "man1/plain.1"):
            with self.subTest(path=path):
                self.expect_as_native(path_info=f"{PAGES}/{path}")

    def test_a_damaged_page(self):
        response = self.ask("damaged")
        self.assertEqual(response.status, 200, response)
        self.assertIn("Spine number 7.", response.text)
        self.assertNotIn("Spine number 3999.", response.text)

    def test_what_does_not_exist(self):
        response = self.ask("porcupine")
        self.assertEqual(response.status, 404, response)
        self.assertIn("no man pages available for porcupine", response.text)
        self.assert_problem(self.get("/man"), 404, "E1008")
        self.assert_problem(self.get("/man2html"), 404, "E1008")

    def test_no_way_out_of_the_volume(self):
        """Not by the address, and not by what stands in a link or a page, which does lead out of
        the folder as a process of this machine."""
        for path in ("/../../../../etc/passwd", f"{PAGES}/../../../etc/passwd",
                     f"{PAGES}/%2e%2e/canary.1", f"{PAGES}/man1/..%2f..%2fcanary.1"):
            with self.subTest(path):
                self.assert_problem(self.get(CGI + path), 400, "E1007")
        for name in ("absolute", "up"):
            with self.subTest(name):
                self.assertEqual(self.ask(name).status, 404)
                response = self.ask(f"{name}_so")
                self.assertEqual(response.status, 200, response)
                self.assertIn("roll up, and wait", response.text)
                self.assertIn("unable to open or read file", response.text)
                for query in (name, f"{name}_so"):
                    self.assertIn(CANARY.encode(), self.native(query)[2])

    def test_a_page_that_never_ends_hurts_no_other(self):
        good = self.ask("1+hedgehog").body
        response = self.get(CGI + "?endless")
        # Its head may have gone out before: then the answer breaks off.
        self.assertTrue(response.status in (500, 504) or not response.complete, response)
        self.assertEqual(self.ask("1+hedgehog").body, good)

    def test_a_bug_that_writes_over_its_data(self):
        """It has room for 100 folders in -M, and counts to 404."""
        good = self.ask("1+hedgehog").body
        self.get(CGI + "?-M+" + ":".join([PAGES] * 350) + "+hedgehog")
        self.assertEqual(self.ask("1+hedgehog").body, good)

    def test_many_at_once(self):
        queries = ["1+hedgehog", "7+hedgehog", "quill", "porcupine", "urchin", "spine", "plain"]
        alone = {query: self.ask(query) for query in queries}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for query, response in zip(queries * 20, pool.map(self.ask, queries * 20)):
                self.assertEqual((response.status, response.body),
                                 (alone[query].status, alone[query].body), query)

    def test_head(self):
        whole, head = self.ask("quill"), self.request("HEAD", CGI + "?quill")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.value("last-modified"), whole.value("last-modified"))


if __name__ == "__main__":
    harness.main()
