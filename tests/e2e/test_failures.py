#!/usr/bin/env python3
"""When a function fails: statuses and codes, problem documents, what strangers are told."""
import json
import re
import unittest

import harness
import raw_http
from harness import steps


class FailureTest(harness.ServerTest):
    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("probe", probe)
        folder.add("recurse", harness.wat("recurse"))
        folder.add("grow", harness.wat("grow"), '[limits]\nmemory = "4MiB"\n')
        folder.add("eater", probe, '[limits]\nmemory = "4MiB"\n')
        folder.add("counter", harness.wat("counter"))
        folder.add("broken", b"\0asm\1\0\0\0nonsense")

    def fail_with(self, *each, function="probe"):
        return self.get(f"/{function}?" + steps(*each))


class Failures(FailureTest):
    def test_exit_codes(self):
        self.assertEqual(self.fail_with("print fine", "exit 0").body, b"fine")
        for code in (1, 3, 255):
            with self.subTest(code):
                self.assert_problem(self.fail_with("print lost", f"exit {code}"), 500, "E3002")

    def test_traps(self):
        for kind in ("unreachable", "memory", "divide", "indirect"):
            with self.subTest(kind):
                self.assert_problem(self.fail_with("print lost", f"trap {kind}"), 500, "E3001")

    def test_stack_overflow(self):
        self.assert_problem(self.get("/recurse"), 500, "E3003")

    def test_growth_beyond_the_limit_is_refused(self):
        response = self.fail_with("eat", "print still here", function="eater")
        self.assertEqual(response.status, 200, response)
        grown, rest = response.text.split("\n")
        self.assertEqual(rest, "still here")
        self.assertGreater(int(grown), 3 << 20)
        self.assertLess(int(grown), 4 << 20)

    def test_a_function_that_fails_of_it(self):
        self.assert_problem(self.get("/grow"), 500, "E4001")
        self.assert_problem(self.fail_with("eat", "trap", function="eater"), 500, "E4001")
        self.assert_problem(self.fail_with("eat", "exit 1", function="eater"), 500, "E4001")

    def test_a_failure_leaves_no_trace(self):
        """Fresh memory, globals and tables for each request, after failures as well."""
        for _ in range(20):
            self.assertEqual(self.get("/counter").body, b"111\n")
            self.get("/grow")
            self.fail_with("trap memory")

    def test_the_connection_stays_usable(self):
        with raw_http.RawConnection(self.server.port) as raw:
            for _ in range(3):
                self.assertEqual(raw.exchange(raw_http.get("/grow")).code, "E4001")
                self.assertEqual(raw.exchange(raw_http.get("/counter")).body, b"111\n")

    def test_no_function(self):
        for path in ("/", "/nothing", "/Probe", "/probes", "/prob", "/broke"):
            with self.subTest(path):
                self.assert_problem(self.get(path), 404, "E1008")

    def test_an_unavailable_function(self):
        response = self.get("/broken/below")
        self.assert_problem(response, 503, "E2001")
        self.assertEqual(response.value("retry-after"), "1")

    def test_bad_paths(self):
        for path in ("/probe/..", "/../etc/passwd", "/probe/%2e%2e/x", "/probe/%00", "/probe/%zz",
                     "/probe/%FF", "/probe/a%2Fb", "/./probe"):
            with self.subTest(path):
                self.assert_problem(self.get(path), 400, "E1007")


class WhatStrangersSee(FailureTest):
    def test_no_details(self):
        """Neither the reason nor the guest's own words nor anything of the host."""
        answers = [self.fail_with("error secret words", "trap"),
                   self.fail_with("error secret words", "exit 3"),
                   self.get("/recurse"), self.get("/grow"), self.get("/broken"), self.get("/none"),
                   self.get("/probe?a=%00")]
        for response in answers:
            problem = response.problem
            self.assertEqual(set(problem), {"type", "title", "status", "code", "request_id"})
            seen = response.body.decode() + str(response.fields)
            for secret in ("secret", str(self.server.folder.path), "wasm", "unreachable", "probe",
                           "tmp", "wasmtime", "godwit/"):
                self.assertNotIn(secret, seen.replace("WebAssembly", ""))
            self.assertEqual(response.value("cache-control"), "no-store")
            self.assertIsNone(response.value("server"))

    def test_request_ids(self):
        """On every response, never the client's, never twice."""
        seen = set()
        for path in ("/counter", "/grow", "/nothing", "/broken", "/probe?" + steps("exit 1")):
            for _ in range(3):
                response = self.get(path, headers={"X-Request-Id": "mine"})
                (request_id,) = response.values("x-request-id")
                self.assertRegex(request_id, r"^[A-Za-z0-9._-]{16,64}$")
                seen.add(request_id)
        self.assertEqual(len(seen), 15)
        with raw_http.RawConnection(self.server.port) as raw:
            refused = raw.exchange(b"GET /counter HTTP/1.1\r\n\r\n")  # no Host
            self.assertEqual(refused.status, 400)
            self.assertTrue(refused.value("x-request-id"))

    def test_the_log_has_the_details(self):
        response = self.fail_with("error the reason", "exit 3")
        request_id = response.value("x-request-id")
        access = self.server.access(response)
        self.assertEqual((access["status"], access["code"], access["function"]),
                         ("500", "E3002", "probe"))
        said = self.server.wait_log(part="guest", request_id=request_id)
        self.assertEqual((said["message"], said["function"]), ("the reason", "probe"))
        failure = self.server.wait_log(part="invocation", request_id=request_id)
        self.assertIn("exit code 3", failure["detail"])

    def test_queries_are_not_logged(self):
        response = self.get("/counter?token=swordfish")
        self.server.access(response)
        self.assertNotIn("swordfish", "".join(self.server.lines))


class WhatDevelopersSee(FailureTest):
    options = ("--threads", "1", "--dev")

    def test_the_trap_and_where(self):
        detail = self.fail_with("trap").problem["detail"]
        self.assertIn("unreachable", detail)
        self.assertGreater(detail.count("\n"), 0, "no guest frames")

    def test_the_last_lines_of_stderr(self):
        detail = self.fail_with("error first words", "error last words", "exit 3")
        self.assertIn("exit code 3", detail.problem["detail"])
        self.assertIn("first words", detail.problem["detail"])
        self.assertIn("last words", detail.problem["detail"])

    def test_why_a_function_is_unavailable(self):
        response = self.get("/broken")
        self.assert_problem(response, 503, "E2001")
        self.assertTrue(response.problem["detail"])

    def test_hostile_stderr_is_still_json(self):
        response = self.fail_with('error <"\\\x1b[31m\x07é>', "errors 100 5000", "exit 1")
        self.assert_problem(response, 500, "E3002")
        self.assertLess(len(response.body), 64 << 10)
        self.assertNotRegex(response.problem["detail"], r"[\x00-\x08\x1b]")

    def test_the_page_of_functions(self):
        page = self.get("/")
        self.assertEqual((page.status, page.value("content-type")),
                         (200, "text/html; charset=utf-8"))
        for name in ("probe", "recurse", "counter"):
            self.assertIn(f'href="/{name}"', page.text)
        self.assertIn("E2001", page.text)
        self.assertNotIn("<script", page.text)

    def test_other_paths_are_no_page(self):
        self.assert_problem(self.request("POST", "/", body=b""), 404, "E1008")
        self.assert_problem(self.get("/nothing"), 404, "E1008")


class WithoutBody(FailureTest):
    def test_head(self):
        with raw_http.RawConnection(self.server.port) as raw:
            for path, status in (("/counter", 200), ("/grow", 500), ("/nothing", 404),
                                 ("/probe?" + steps("fill 300000"), 200)):
                with self.subTest(path):
                    request = raw_http.get(path).replace(b"GET", b"HEAD")
                    response = raw.exchange(request, to_head=True)
                    self.assertEqual((response.status, response.body), (status, b""), response)
            # A body would have been taken for the next response's head.
            self.assertEqual(raw.exchange(raw_http.get("/counter")).body, b"111\n")

    def test_head_says_what_get_would(self):
        get, head = self.get("/counter"), self.request("HEAD", "/counter")
        for name in ("content-type", "content-length"):
            self.assertEqual(head.value(name), get.value(name))
        self.assertEqual(get.value("content-length"), "4")

    def test_every_problem_is_documented(self):
        catalogue = (harness.SOURCE / "src/base/errors.def").read_text()
        codes = {f"E{number}" for number in re.findall(r"GODWIT_ERROR\(\w+, (\d+)", catalogue)}
        seen = {json.loads(self.get(path).body)["code"] for path in ("/grow", "/none", "/broken")}
        self.assertEqual(seen - codes, set())


if __name__ == "__main__":
    harness.main()
