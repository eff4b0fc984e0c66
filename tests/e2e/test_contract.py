#!/usr/bin/env python3
"""What a command is given: query, CGI variables, arguments, settings, stdin; its content type."""
import json
import unittest

import harness
import raw_http
from harness import steps


class CommandTest(harness.ServerTest):
    """Functions that are the probe with settings of their own."""

    @classmethod
    def functions(cls, folder):
        probe = harness.c_guest("probe")
        folder.add("probe", probe)
        folder.add("shop/cart", probe)
        folder.add("configured", probe, '''
            arguments = ["dump", "", "two words", "Zoë"]
            environment = { QUALITY = "80", "_empty" = "", PATH = "/bin" }
            ''')
        folder.add("both", probe, 'environment = { SERVER_NAME = "mine", HTTP_X_A = "mine" }\n')
        folder.add("closed", probe, 'arguments = ["dump"]\nquery-environment = false\n')
        folder.add("listed", probe,
                   'arguments = ["dump"]\nquery-environment = ["a", "B_2", "HTTP_HOST"]\n')
        folder.add("typed", probe, 'content-type = "application/json; charset=utf-8"\n')
        folder.add("small", probe, '[limits]\nrequest-body = "10B"\n')

    def dump(self, path, **keywords):
        """The arguments and the environment of an invocation."""
        response = self.request(keywords.pop("method", "GET"), path, **keywords)
        self.assertEqual(response.status, 200, response)
        seen = json.loads(response.body)
        pairs = [variable.split("=", 1) for variable in seen["environment"]]
        names = [name for name, _ in pairs]
        self.assertEqual(len(names), len(set(names)), "a variable is there twice")
        return seen["arguments"], dict(pairs)

    def environment(self, path, **keywords):
        return self.dump(path, **keywords)[1]


class Query(CommandTest):
    def test_parameters_are_variables(self):
        seen = self.environment("/probe?a=1&b_2=two+words&_c=%C3%A9%20%2B%26%3D&d=&e&f=x=y")
        self.assertEqual([seen.get(name) for name in ("a", "b_2", "_c", "d", "e", "f")],
                         ["1", "two words", "é +&=", "", "", "x=y"])

    def test_names_are_decoded_too(self):
        self.assertEqual(self.environment("/probe?%61%5fb=1")["a_b"], "1")

    def test_the_last_of_several_wins(self):
        self.assertEqual(self.environment("/probe?a=1&b=x&a=2&a=3")["a"], "3")
        many = "&".join(f"v{i % 20}={i}" for i in range(60))
        seen = self.environment("/probe?" + many)
        self.assertEqual([seen[f"v{i}"] for i in range(20)], [str(40 + i) for i in range(20)])

    def test_bad_names_are_skipped(self):
        seen = self.environment("/probe?1a=x&a-b=x&a.b=x&=x&%20=x&%C3%A9=x&good=y"
                                "&a%20b=x&a%3Db=x&&a b=x".replace(" ", "+"))
        self.assertEqual(seen["good"], "y")
        self.assertNotIn("x", seen.values())
        self.assertFalse([name for name in seen if not name.isidentifier() or not name.isascii()])

    def test_reserved_names_are_never_taken(self):
        reserved = """
            AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE DOCUMENT_ROOT GATEWAY_INTERFACE GODWIT_REQUEST_ID
            GODWIT_ANY HTTPS HTTP_HOST HTTP_PROXY HTTP_ANYTHING PATH PATH_INFO PATH_PARAM_ID
            PATH_TRANSLATED QUERY_STRING REMOTE_ADDR REMOTE_USER REMOTE_ANY REQUEST_METHOD
            REQUEST_URI SCRIPT_FILENAME SCRIPT_NAME SERVER_NAME SERVER_ANY http_proxy All_Proxy
            no_proxy NO_PROXY FTP_PROXY LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES
            BASH_ENV ENV
            IFS HOME SHELL TMPDIR PYTHONPATH PYTHONSTARTUP LUA_PATH LUA_INIT GODEBUG GOMAXPROCS
            GOTRACEBACK RUST_LOG RUST_BACKTRACE NODE_OPTIONS PERL5LIB RUBYOPT PHPRC
            JAVA_TOOL_OPTIONS
            CLASSPATH WASMTIME_LOG
            """.split()
        self.assertGreater(len(reserved), 40)
        seen = self.environment("/probe?" + "&".join(f"{name}=evil" for name in reserved) + "&ok=1")
        self.assertEqual(seen["ok"], "1")
        self.assertEqual([name for name, value in seen.items() if value == "evil"], [])

    def test_names_that_only_look_reserved_are_taken(self):
        seen = self.environment("/probe?PROXY=1&path=2&HTTPX=3&SERVERS=4&http_host=5&lua_path=6")
        self.assertEqual([seen.get(name) for name in
                          ("PROXY", "path", "HTTPX", "SERVERS", "http_host", "lua_path")],
                         ["1", "2", "3", "4", "5", "6"])

    def test_configured_variables_are_not_overridden(self):
        seen = self.environment("/configured?QUALITY=1&_empty=x&quality=2&QUALITY=3&PATH=/evil")
        self.assertEqual((seen["QUALITY"], seen["_empty"], seen["quality"]), ("80", "", "2"))
        self.assertEqual(seen["PATH"], "/bin")

    def test_query_environment_can_be_closed(self):
        seen = self.environment("/closed?a=1&run=exit+9")
        self.assertNotIn("a", seen)
        self.assertEqual(seen["QUERY_STRING"], "a=1&run=exit+9")

    def test_query_environment_can_be_a_list(self):
        seen = self.environment("/listed?a=1&b=2&B_2=3&HTTP_HOST=evil&run=exit+9")
        self.assertEqual((seen.get("a"), seen.get("B_2"), seen.get("b")), ("1", "3", None))
        self.assertNotEqual(seen["HTTP_HOST"], "evil")

    def test_nul_and_broken_encodings_are_refused(self):
        for query in ("a=%00", "a%00=1", "a=%FF", "a=%C3", "a=%ED%A0%80", "a=%C0%AF", "a=%",
                      "a=%4", "a=%zz", "1-not-taken=%00"):
            with self.subTest(query):
                self.assert_problem(self.get("/probe?" + query), 400, "E1006")

    def test_a_closed_query_is_still_checked(self):
        self.assert_problem(self.get("/closed?a=%00"), 400, "E1006")


class Variables(CommandTest):
    def test_cgi_variables(self):
        seen = self.environment("/shop/cart/7/%C3%A9%20x?b=2&a=%31", method="POST", body=b"12345",
                                headers={"Content-Type": "text/x-test", "X-Color": "blue"})
        request_id = seen.pop("GODWIT_REQUEST_ID")
        self.assertRegex(request_id, r"^[A-Za-z0-9._-]{1,64}$")
        host = f"127.0.0.1:{self.server.port}"
        expected = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_SOFTWARE": "godwit",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_METHOD": "POST",
            "QUERY_STRING": "b=2&a=%31",
            "REQUEST_URI": "/shop/cart/7/%C3%A9%20x?b=2&a=%31",
            "SCRIPT_NAME": "/shop/cart",
            "PATH_INFO": "/7/é x",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "text/x-test",
            "CONTENT_LENGTH": "5",
            "HTTP_HOST": host,
            "HTTP_X_COLOR": "blue",
            "HTTP_ACCEPT_ENCODING": "identity",
            "a": "1",
            "b": "2",
        }
        self.assertEqual(seen, expected)  # and nothing of the host's own environment

    def test_the_request_id_is_the_responses(self):
        response = self.get("/probe")
        variables = json.loads(response.body)["environment"]
        self.assertIn("GODWIT_REQUEST_ID=" + response.value("x-request-id"), variables)

    def test_without_path_and_body(self):
        seen = self.environment("/probe")
        self.assertEqual((seen["PATH_INFO"], seen["QUERY_STRING"]), ("", ""))
        self.assertNotIn("CONTENT_TYPE", seen)
        self.assertNotIn("CONTENT_LENGTH", seen)

    def test_path_info_of_a_slash(self):
        self.assertEqual(self.environment("/probe/")["PATH_INFO"], "/")
        self.assertEqual(self.environment("/probe//x/")["PATH_INFO"], "//x/")

    def test_content_length_is_unset_when_chunked(self):
        seen = self.environment("/probe", method="POST", body=[b"abc", b"def"])
        self.assertNotIn("CONTENT_LENGTH", seen)

    def test_content_length_of_an_empty_body(self):
        self.assertEqual(self.environment("/probe", method="POST", body=b"")["CONTENT_LENGTH"], "0")

    def raw_environment(self, *fields, version="HTTP/1.1", target="/probe", host="Host: test"):
        lines = [f"GET {target} {version}", *([host] if host else []), *fields]
        with raw_http.RawConnection(self.server.port) as raw:
            response = raw.exchange("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.assertEqual(response.status, 200, response)
        return dict(pair.split("=", 1) for pair in json.loads(response.body)["environment"])

    def test_headers_that_a_client_must_not_set(self):
        seen = self.raw_environment("Proxy: http://evil", "pRoXy: http://evil", "X_Under: evil",
                                    "X-Under_Score: evil", "X-Fine: 1", "Content_Length: evil",
                                    "Connection: close")
        self.assertEqual(seen["HTTP_X_FINE"], "1")
        self.assertEqual([name for name, value in seen.items() if "evil" in value], [])
        self.assertNotIn("HTTP_CONTENT_TYPE", seen)

    def test_repeated_headers_are_joined(self):
        seen = self.raw_environment("X-A: 1", "X-B: b", "x-a: 2", "X-A: 3", "Cookie: c=1",
                                    "Cookie: d=2")
        self.assertEqual(seen["HTTP_X_A"], "1, 2, 3")
        self.assertEqual(seen["HTTP_COOKIE"], "c=1; d=2")

    def test_names_and_ports_come_from_the_host(self):
        seen = self.raw_environment(host="Host: shop.example:8443")
        self.assertEqual((seen["SERVER_NAME"], seen["SERVER_PORT"]), ("shop.example", "8443"))
        seen = self.raw_environment(host="Host: [::1]")
        self.assertEqual(seen["SERVER_NAME"], "[::1]")
        self.assertEqual(seen["SERVER_PORT"], str(self.server.port))

    def test_http_1_0(self):
        seen = self.raw_environment(version="HTTP/1.0", host=None)
        self.assertEqual(seen["SERVER_PROTOCOL"], "HTTP/1.0")
        self.assertTrue(seen["SERVER_NAME"])
        self.assertNotIn("HTTP_HOST", seen)

    def test_absolute_form(self):
        seen = self.raw_environment(target="http://other.example:81/probe/x?y=1")
        self.assertEqual((seen["SERVER_NAME"], seen["PATH_INFO"], seen["y"]),
                         ("other.example", "/x", "1"))


class ArgumentsAndSettings(CommandTest):
    def test_the_first_argument_is_the_name(self):
        self.assertEqual(self.dump("/probe")[0], ["probe"])
        self.assertEqual(self.dump("/shop/cart")[0], ["shop/cart"])

    def test_configured_arguments_and_environment(self):
        arguments, seen = self.dump("/configured")
        self.assertEqual(arguments, ["configured", "dump", "", "two words", "Zoë"])
        self.assertEqual((seen["QUALITY"], seen["_empty"]), ("80", ""))

    def test_a_variable_that_is_configured_and_the_requests(self):
        """Whichever wins: no variable is there twice, where each reader would take another."""
        seen = self.environment("/both", headers={"X-A": "theirs"})
        self.assertIn(seen["HTTP_X_A"], ("mine", "theirs"))

    def test_limits_are_the_functions_own(self):
        self.assertEqual(self.request("POST", "/small?" + steps("cat"), body=b"1" * 10).status, 200)
        self.assert_problem(self.request("POST", "/small?" + steps("cat"), body=b"1" * 11),
                            413, "E1003")
        self.assertEqual(self.request("POST", "/probe?" + steps("cat"), body=b"1" * 11).status, 200)


class Input(CommandTest):
    def test_the_body_is_stdin(self):
        body = bytes(range(256)) * 500
        response = self.request("POST", "/probe?" + steps("cat"), body=body)
        self.assertEqual(response.body, body)

    def test_a_chunked_body_is_stdin(self):
        pieces = [b"x", b"yz" * 5000, b"\r\n0\r\n\r\n", b"end"]
        response = self.request("PUT", "/probe?" + steps("cat"), body=pieces)
        self.assertEqual(response.body, b"".join(pieces))

    def test_no_body_is_an_empty_stdin(self):
        for method, body in (("GET", None), ("POST", b""), ("POST", [])):
            with self.subTest(method=method, body=body):
                path = "/probe?" + steps("read 10", "print end")
                response = self.request(method, path, body=body)
                self.assertEqual(response.body, b"0\nend")

    def test_any_method_reaches_the_function(self):
        for method in ("DELETE", "PATCH", "OPTIONS", "REPORT"):
            with self.subTest(method):
                self.assertEqual(self.environment("/probe", method=method)["REQUEST_METHOD"],
                                 method)

    def test_a_body_that_is_not_read(self):
        body = b"x" * 300_000
        with raw_http.RawConnection(self.server.port) as raw:
            first = raw.exchange(raw_http.post("/probe?" + steps("print no+thanks"), body))
            self.assertEqual(first.status, 200, first)
        response = self.request("POST", "/probe?" + steps("read 5"), body=body)
        self.assertEqual(response.body, b"5\n")


class ContentType(CommandTest):
    def content_type(self, *each, function="probe"):
        response = self.get(f"/{function}?" + steps(*each))
        self.assertEqual(response.status, 200, response)
        types = response.values("content-type")
        self.assertEqual(len(types), 1, response)
        return types[0]

    def test_utf_8_is_text(self):
        self.assertEqual(self.content_type("print hello"), "text/plain; charset=utf-8")
        self.assertEqual(self.content_type("print Zoë €"), "text/plain; charset=utf-8")
        self.assertEqual(self.content_type("exit 0"), "text/plain; charset=utf-8")

    def test_anything_else_is_binary(self):
        for data in ("ff", "c3", "eda080", "c0af", "f4908080", "61ff62"):
            with self.subTest(data):
                self.assertEqual(self.content_type(f"hex {data}"), "application/octet-stream")

    def test_a_character_may_be_cut_where_the_head_goes_out(self):
        # What is buffered ends within a character of two bytes; the rest comes after a while.
        self.assertEqual(self.content_type("hex 61c3", "sleep 50", "hex a9"),
                         "text/plain; charset=utf-8")

    def test_what_comes_later_does_not_count(self):
        self.assertEqual(self.content_type("print text", "sleep 50", "hex ff"),
                         "text/plain; charset=utf-8")

    def test_configured(self):
        self.assertEqual(self.content_type("hex ff", function="typed"),
                         "application/json; charset=utf-8")


if __name__ == "__main__":
    harness.main()
