#!/usr/bin/env python3
"""Programs that nobody here wrote: those for WASI preview 1 run, the others are refused by name.

tools/build_examples.sh --third-party fetches them; without them nothing is tested, and said so.
"""
import hashlib
import os
import pathlib
import unittest

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


if __name__ == "__main__":
    harness.main()
