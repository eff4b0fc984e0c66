#!/usr/bin/env python3
"""A folder is a platform: which files are functions, what is refused and why."""
import os
import unittest

import harness

HELLO = harness.wat("hello")


def saying(word):
    """A function that prints five letters of its own."""
    assert len(word) == 5
    return HELLO.replace(b"hello\\n", word.encode() + b"\\n")


class Names(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        folder.add("hello", HELLO)
        folder.add("Hello", saying("upper"))
        folder.add("index", saying("index"))
        folder.add("shop/index", saying("shops"))
        folder.add("shop/cart", saying("carts"))
        folder.add("shop/cart.v2", saying("cart2"))
        folder.add("a/b/c/d/deep", saying("deeps"))
        folder.add("plain/only", saying("onlys"))
        folder.add("7up", saying("seven"))
        folder.add("x" * 63, saying("longs"))
        for name in ("x" * 64, "_under", "-dash", "two words", "umläut", "a@b", "a%20b", "semi;"):
            folder.add(name, HELLO)
        folder.add("bad folder/inside", HELLO)
        folder.write("README.md", b"not a function")
        folder.write("notes.toml.txt", b"neither")
        folder.write(".hidden.wat", HELLO)
        folder.write(".git/hooks.wat", HELLO)

    def test_where_functions_are(self):
        for path, word in (("/hello", "hello"), ("/Hello", "upper"), ("/", "index"),
                           ("/shop", "shops"), ("/shop/", "shops"), ("/shop/cart", "carts"),
                           ("/shop/cart/7", "carts"), ("/shop/cart.v2", "cart2"),
                           ("/shop/other", "shops"), ("/a/b/c/d/deep/x", "deeps"),
                           ("/plain/only", "onlys"), ("/7up", "seven"), ("/" + "x" * 63, "longs")):
            with self.subTest(path):
                self.assertEqual(self.get(path).body, word.encode() + b"\n")

    def test_where_none_are(self):
        for path in ("/index", "/shop/index", "/hello.wat", "/HELLO", "/a", "/a/b", "/plain",
                     "/plain/", "/" + "x" * 64, "/_under", "/-dash", "/two%20words", "/.hidden",
                     "/.git/hooks", "/README.md", "/README", "/bad%20folder/inside", "//hello",
                     "/nothing"):
            with self.subTest(path):
                response = self.get(path)
                if path == "/shop/index":  # the shop's own PATH_INFO
                    self.assertEqual(response.body, b"shops\n")
                else:
                    self.assert_problem(response, 404, "E1008")

    def test_bad_names_are_reported(self):
        said = "".join(self.server.lines)
        self.assertEqual(said.count("E5004"), 9, said)
        self.assertNotIn("README", said)
        self.assertNotIn(".git", said)

    def test_the_ready_line_counts(self):
        self.assertEqual(self.server.function_count, 10)

    def test_the_routes_are_listed(self):
        listed = {record["path"] for record in self.server.log(part="serve", message="route")}
        self.assertEqual(listed, {"/hello", "/Hello", "/", "/shop", "/shop/cart", "/shop/cart.v2",
                                  "/a/b/c/d/deep", "/plain/only", "/7up", "/" + "x" * 63})


class Refused(harness.ServerTest):
    """Each has a route that says why; the others serve."""

    EXPECTED = {
        "garbage": "E2001", "truncated": "E2001", "empty": None, "syntax": "E2002",
        "invalid": "E2001", "foreign": "E2003", "library": "E2004", "component": "E2004",
        "signature": "E2010", "no-memory": "E2012", "huge-memory": "E2011", "exit-code": "E2003",
        "bad-toml": "E6001", "bad-key": "E6002", "bad-value": "E6003", "bad-unit": "E6004",
        "linked": "E5003", "group": "E5003", "everybody": "E5003", "settings-linked": "E5003",
        "settings-group": "E5003", "double": "E5005", "unreadable": "E5006", "folder": "E5006",
    }

    @classmethod
    def functions(cls, folder):
        folder.add("fine", HELLO)
        folder.write("garbage.wasm", os.urandom(1000))
        folder.write("truncated.wasm", b"\0asm\1\0\0\0\1\x90\x80")
        folder.write("empty.wasm", b"")
        folder.add("syntax", b"(module (func (export \"_start\") (i32.const)")
        folder.add("invalid", b'(module (memory (export "memory") 1)'
                              b' (func (export "_start") (i32.const 1)))')
        folder.add("foreign", b'(module (import "env" "launch" (func))'
                              b' (memory (export "memory") 1) (func (export "_start")))')
        folder.add("exit-code", b'(module (import "wasi_snapshot_preview1" "proc_exec" (func))'
                                b' (memory (export "memory") 1) (func (export "_start")))')
        folder.add("library", b'(module (func (export "add") (param i32) (result i32)'
                              b' (local.get 0)))')
        folder.write("component.wasm", b"\0asm\x0d\0\1\0")
        folder.add("signature", b'(module (import "wasi_snapshot_preview1" "fd_write"'
                                b' (func (param i64))) (memory (export "memory") 1)'
                                b' (func (export "_start")))')
        folder.add("no-memory", HELLO.replace(b'(export "memory") ', b""))
        folder.add("huge-memory", HELLO.replace(b'"memory") 1)', b'"memory") 3000)'))
        folder.add("bad-toml", HELLO, "limits = {\n")
        folder.add("bad-key", HELLO, "argument = []\n")
        folder.add("bad-value", HELLO, 'response = "xml"\n')
        folder.add("bad-unit", HELLO, "limits = { memory = 64 }\n")
        (folder.path / "linked.wat").symlink_to(folder.path / "fine.wat")
        (folder.path / "linked-folder").symlink_to("/tmp")
        folder.write("group.wat", HELLO, mode=0o664)
        folder.write("everybody.wat", HELLO, mode=0o646)
        folder.add("settings-linked", HELLO)
        (folder.path / "settings-linked.toml").symlink_to("fine.toml")
        folder.add("settings-group", HELLO)
        folder.write("settings-group.toml", b"", mode=0o664)
        folder.write("double.wat", HELLO)
        folder.write("double.wasm", b"\0asm\1\0\0\0")
        (folder.path / "folder.wasm").mkdir()
        folder.write("unreadable.wat", HELLO, mode=0o000)
        folder.write("alone.toml", b"")

    def test_each_says_why(self):
        for name, code in self.EXPECTED.items():
            if name in ("folder", "empty") or name == "unreadable" and os.geteuid() == 0:
                continue
            with self.subTest(name):
                response = self.get(f"/{name}")
                self.assert_problem(response, 503, code)
                self.assertTrue(response.value("retry-after"))
                self.assertIn(code, "".join(line for line in self.server.lines if name in line))

    def test_an_empty_file(self):
        response = self.get("/empty")
        self.assertEqual(response.status, 503, response)
        self.assertIn(response.code, ("E2001", "E2002", "E2004"))

    def test_the_others_serve(self):
        self.assertEqual(self.get("/fine").body, b"hello\n")
        self.assertEqual(self.server.function_count, 1 + (os.geteuid() == 0))

    def test_what_is_missing_is_named(self):
        def said_of(name):
            return "".join(line for line in self.server.lines if f'"{name}"' in line
                           or f"{name}." in line)
        self.assertIn("launch", said_of("foreign"))
        self.assertIn("add", said_of("library"))
        self.assertIn("fd_write", said_of("signature"))
        self.assertRegex(said_of("bad-key"), r"bad-key\.toml:1:1.*arguments")
        self.assertIn("bad-toml.toml:", said_of("bad-toml"))
        self.assertIn("alone.toml", "".join(self.server.lines))

    def test_files_below_a_linked_folder_are_not_served(self):
        self.assertEqual(self.get("/linked-folder/fine").status, 404)


class StartUp(unittest.TestCase):
    def refused(self, folder, code, **keywords):
        server = harness.Server(folder, json_log=False, **keywords)
        self.assertEqual(server.wait_end(), 1)
        self.assertEqual(server.stdout, "")
        said = "".join(server.lines)
        self.assertRegex(said, rf"(?m)^godwit: error {code}: ")
        self.assertRegex(said, r"(?m)^  hint: ")
        return said

    def test_an_empty_folder_is_served(self):
        with harness.Server.started(harness.Folder()) as server:
            self.assertEqual((server.function_count, server.get("/x").status), (0, 404))

    def test_a_folder_that_others_can_write(self):
        folder = harness.Folder()
        folder.path.chmod(0o770)
        self.refused(folder, "E5003")

    def test_a_folder_that_is_not_there(self):
        folder = harness.Folder()
        folder.path.rmdir()
        self.refused(folder, "E5006")

    def test_a_state_folder_that_others_can_write(self):
        state = harness.scratch() / "open-state"
        state.mkdir()
        state.chmod(0o777)
        said = self.refused(harness.Folder(), "E5002", state=state)
        self.assertIn("open-state", said)

    def test_a_state_folder_that_is_a_file(self):
        state = harness.scratch() / "file-state"
        state.write_text("")
        self.refused(harness.Folder(), "E5002", state=state)

    def test_a_key_that_others_can_read(self):
        state = harness.scratch() / "leaked-state"
        with harness.Server.started(harness.Folder(), state=state):
            pass
        (key,) = [path for path in state.iterdir() if path.is_file()]
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        key.chmod(0o644)
        self.refused(harness.Folder(), "E5002", state=state)


if __name__ == "__main__":
    harness.main()
