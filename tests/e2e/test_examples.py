#!/usr/bin/env python3
"""Every request of examples/expected.json, against the examples that are built here."""
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import unittest

import harness

EXAMPLES = pathlib.Path(os.environ.get("GODWIT_EXAMPLES", harness.SOURCE / "examples"))
# WAT needs no toolchain, and the one for C belongs to every development machine.
COMPILE_PATIENCE_S = 180
ALWAYS = {"greet-wat", "shop", "greet-c", "env", "sleepy", "countdown", "hash"}


def served_copy():
    """The folder as it would be served, in a place that nobody changes meanwhile."""
    folder = harness.Folder()
    for path in sorted(EXAMPLES.rglob("*")):
        relative = path.relative_to(EXAMPLES)
        top_level = len(relative.parts) == 1
        if path.suffix == ".wat" or top_level and path.suffix in (".wasm", ".toml"):
            folder.write(relative, path.read_bytes())
    return folder


def function_of(path):
    return path.partition("?")[0].split("/")[1]


class Examples(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.expected = json.loads((EXAMPLES / "expected.json").read_text())
        folder = served_copy()
        cls.built = {path.stem for path in folder.path.glob("*.wasm")}
        cls.built |= {path.stem for path in folder.path.glob("*.wat")} | {"shop"}
        # A function that is not built leaves its settings behind; they are no concern of ours.
        for settings in folder.path.glob("*.toml"):
            if settings.stem not in cls.built:
                settings.unlink()
        cls.server = harness.Server.started(folder, "--threads", "2")
        # Those that compile slowly (interpreters of 12 MB and more) are served later than the rest.
        for function in sorted(cls.built):
            harness.wait_for(lambda: not cls.is_being_compiled(function), f"{function} compiled",
                             seconds=COMPILE_PATIENCE_S)

    @classmethod
    def is_being_compiled(cls, function):
        response = cls.server.request("GET", f"/{function}?seconds=0")
        return response.status == 503 and response.code == "E2013"

    def check(self, entry):
        body = entry.get("body")
        response = self.request(entry["method"], entry["path"], headers=entry.get("headers"),
                                body=body.encode() if body is not None else None)
        self.assertEqual(response.status, entry["status"], response)
        self.assertEqual(response.value("content-type"), entry["content_type"])
        for name, value in entry.get("response_headers", {}).items():
            self.assertEqual(response.value(name), value)
        known = {"name", "method", "path", "headers", "body", "status", "content_type",
                 "response_headers"}
        checks = set(entry) - known
        self.assertEqual(len(checks), 1, f"an entry has one check of its body: {checks}")
        wanted = entry[checks.pop()]
        if "body_equals" in entry:
            self.assertEqual(response.body.decode(), wanted)
        elif "body_contains" in entry:
            self.assertIn(wanted, response.body.decode())
        elif "body_not_contains" in entry:
            self.assertNotIn(wanted, response.body.decode())
        elif "body_sha256" in entry:
            self.assertEqual(hashlib.sha256(response.body).hexdigest(), wanted)
        elif "body_gunzip_equals" in entry:
            self.assertEqual(gzip.decompress(response.body).decode(), wanted)
        else:
            self.fail(f"an unknown check in {entry}")

    def test_expected(self):
        skipped = set()
        for entry in self.expected:
            function = function_of(entry["path"])
            if function not in self.built:
                skipped.add(function)
                continue
            with self.subTest(entry["name"]):
                self.check(entry)
        if skipped:
            print(f"not built here, so not tested: {', '.join(sorted(skipped))}")

    def test_each_example_is_expected_to_do_something(self):
        tested = {function_of(entry["path"]) for entry in self.expected}
        self.assertEqual(self.built - tested, set())

    def test_those_that_always_build_are_there(self):
        if not shutil.which("clang-19"):
            self.skipTest("clang-19 is missing: the examples in C are not built")
        self.assertEqual(ALWAYS - self.built, set(), "run tools/build_examples.sh")

    def test_all_of_them_load(self):
        for level in ("error", "warning"):
            lines = self.server.log(part="serve", level=level)
            self.assertEqual([line for line in lines if "E2013" not in line.get("error", "")], [])


if __name__ == "__main__":
    harness.main()
