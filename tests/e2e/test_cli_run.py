"""`godwit run`: one invocation without a server, under the same rules."""
import json
import os
import pty
import signal
import subprocess
import time

import harness
from test_cli import ENVIRONMENT, CliTest

PRELUDE = b"""(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 8)
  (func $write (param $fd i32) (param $address i32) (param $size i32)
    (loop $again
      (if (i32.eqz (local.get $size)) (then (return)))
      (i32.store (i32.const 0) (local.get $address))
      (i32.store (i32.const 4) (local.get $size))
      (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 9))))
      (local.set $address (i32.add (local.get $address) (i32.load (i32.const 8))))
      (local.set $size (i32.sub (local.get $size) (i32.load (i32.const 8))))
      (br $again)))
"""


def program(body, text=""):
    """A module whose _start is `body`, with `text` at address 1024."""
    return (PRELUDE + f'(data (i32.const 1024) "{text}")'.encode() +
            f'(func (export "_start") {body}))'.encode())


def say(fd, text):
    return program(f"(call $write (i32.const {fd}) (i32.const 1024) (i32.const {len(text)}))",
                   text.replace("\n", "\\n"))


# Environment and arguments, each string with its NUL.
STRINGS = program("""
  (drop (call $environ_sizes_get (i32.const 16) (i32.const 20)))
  (drop (call $environ_get (i32.const 65536) (i32.const 131072)))
  (call $write (i32.const 1) (i32.const 131072) (i32.load (i32.const 20)))
  (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
  (drop (call $args_get (i32.const 65536) (i32.const 131072)))
  (call $write (i32.const 1) (i32.const 131072) (i32.load (i32.const 20)))""")
COPY = program("""
  (loop $more
    (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 65536))
    (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $proc_exit (i32.const 8))))
    (if (i32.load (i32.const 8))
      (then (call $write (i32.const 1) (i32.const 65536) (i32.load (i32.const 8))) (br $more))))""")
FLOOD = program("(loop $more (call $write (i32.const 1) (i32.const 65536) (i32.const 65536)) "
                "(br $more))")
MEBIBYTES = program("""(local $left i32) (local.set $left (i32.const 64))
  (loop $more
    (call $write (i32.const 1) (i32.const 65536) (i32.const 65536))
    (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))""")
LOOP = program("(loop $more (br $more))")


class Run(CliTest):
    def start(self, *words, **keywords):
        process = subprocess.Popen([harness.program(), *map(str, words)], cwd=self.folder,
                                   env=ENVIRONMENT, **keywords)
        for stream in filter(None, (process.stdout, process.stderr)):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def strings(self, *words, **keywords):
        self.write("strings.wat", STRINGS)
        done = self.godwit("run", "strings.wat", *words, **keywords)
        self.variables = done.stdout.decode().split("\0")[:-1]
        return done

    # --- what the function sees

    def test_parameters_are_a_query(self):
        done = self.strings("name=A & B", "x=", "name=C", "HTTP_HOST=evil", "9=x", "--env", "E=1",
                            "E=2")
        self.assertIn("name=C", self.variables)  # the last of several
        self.assertNotIn("name=A & B", self.variables)
        self.assertIn("x=", self.variables)
        self.assertIn("E=1", self.variables)  # configured: a query does not replace it
        self.assertIn("REQUEST_METHOD=GET", self.variables)
        self.assertFalse([v for v in self.variables if v.startswith(("HTTP_", "9="))])
        self.assertIn("godwit: warning: HTTP_HOST is not set: the name is reserved", done.stderr)
        self.assertIn("godwit: warning: 9 is not set", done.stderr)
        self.assertIn("godwit: warning: E is not set: it is configured", done.stderr)

    def test_nothing_of_our_environment_gets_in(self):
        self.strings("a=b", env={**ENVIRONMENT, "SECRET_OF_THE_SHELL": "1"})
        self.assertFalse([v for v in self.variables if "SECRET" in v])
        self.assertIn("SCRIPT_NAME=/strings", self.variables)

    def test_without_a_request_the_environment_is_what_is_configured(self):
        self.write("strings.toml", b'environment = { Q = "80" }\n')
        self.strings("--env", "B=2", "--stdin", "strings.toml")
        self.assertEqual(self.variables, ["Q=80", "B=2", "strings"])
        # A CGI program always answers a request.
        self.write("strings.toml", b'response = "cgi"\n')
        done = self.godwit("run", "strings.wat")
        self.assertIn(b"REQUEST_METHOD=GET", done.stdout)

    def test_arguments(self):
        self.strings("a=b", "--", "--verbose", "x=y", "[1,2]")
        self.assertEqual(self.variables[-4:], ["strings", "--verbose", "x=y", "[1,2]"])

    def test_settings_beside_it(self):
        self.write("strings.toml", b'environment = { Q = "80" }\narguments = ["fast"]\n'
                                   b"query-environment = false\n")
        done = self.strings("name=Ada", "--env", "Q=90")
        self.assertIn("Q=90", self.variables)
        self.assertNotIn("name=Ada", self.variables)
        self.assertEqual(self.variables[-1], "fast")
        self.assertIn("query-environment does not allow it", done.stderr)
        self.strings("--", "slow")
        self.assertEqual(self.variables[-2:], ["strings", "slow"])

    def test_requests_to_other_hosts_are_said_to_be_denied(self):
        self.write("strings.toml", b'allowed-outbound-hosts = ["https://api.example.com"]\n')
        done = self.strings()
        self.assertIn("`godwit run` sends no requests to other hosts", done.stderr)

    def test_stdin_of_a_file_is_a_post(self):
        self.write("body", b"12345")
        self.strings("a=b", "--stdin", "body")
        self.assertIn("REQUEST_METHOD=POST", self.variables)
        self.assertIn("CONTENT_LENGTH=5", self.variables)

    # --- streams

    def test_stdin_is_copied(self):
        self.write("copy.wat", COPY)
        self.write("body", os.urandom(3_000_000))
        body = (self.folder / "body").read_bytes()
        self.assertEqual(self.godwit("run", "copy.wat", stdin=body).stdout, body)
        self.assertEqual(self.godwit("run", "copy.wat", "--stdin", "body").stdout, body)

    def test_a_terminal_is_no_input(self):
        self.write("copy.wat", COPY)
        ours, theirs = pty.openpty()
        try:
            self.assertEqual(self.godwit("run", "copy.wat", stdin=theirs).stdout, b"")
        finally:
            os.close(theirs)
            os.close(ours)

    def test_a_slow_reader_gets_all_of_it(self):
        self.write("much.wat", MEBIBYTES)
        process = self.start("run", "much.wat", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        total = 0
        while chunk := os.read(process.stdout.fileno(), 100_000):
            total += len(chunk)
            if total < 500_000:
                time.sleep(0.01)
        process.stdout.close()
        self.assertEqual(process.wait(harness.PATIENCE_S), 0)
        self.assertEqual(total, 64 * 65536)

    def test_a_reader_that_leaves_ends_the_function(self):
        self.write("flood.wat", FLOOD)
        process = self.start("run", "flood.wat", "--limit", "response-body=1GiB",
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.assertEqual(len(process.stdout.read(1000)), 1000)
        process.stdout.close()
        errors = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual(process.wait(harness.PATIENCE_S), 1)
        self.assertIn("godwit: error E3006", errors)

    def test_a_reader_that_never_reads_meets_the_wall_clock_limit(self):
        self.write("flood.wat", FLOOD)
        process = self.start("run", "flood.wat", "--limit", "timeout=300ms",
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        errors = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(harness.PATIENCE_S), 1)
        process.stdout.close()
        self.assertIn(b"godwit: error E4003", errors)

    def test_stderr_is_harmless_and_bounded(self):
        self.write("loud.wat", say(2, "hello\nstderr\n"))
        done = self.godwit("run", "loud.wat")
        self.assertEqual((done.stdout, done.stderr), (b"", "hello\nstderr\n"))
        self.write("evil.wat", program("(call $write (i32.const 2) (i32.const 1024) (i32.const 5))",
                                       "\\1b[2Jx"))
        self.assertEqual(self.godwit("run", "evil.wat").stderr, "?[2Jx\n")
        self.write("flood.wat", FLOOD.replace(b"(call $write (i32.const 1) (i32.const 65536)",
                                              b"(call $write (i32.const 2) (i32.const 65536)"))
        done = self.godwit("run", "flood.wat", "--limit", "cpu=100ms", code=1)
        self.assertLess(len(done.stderr), 200_000)
        self.assert_error(done, "E4002")

    # --- how it ends

    def test_exit_codes(self):
        for number, code in ((0, 0), (1, 1), (7, 1), (2, 1), (125, 1)):
            self.write("exit.wat", program(f"(call $proc_exit (i32.const {number}))"))
            done = self.godwit("run", "exit.wat", code=code)
            if code:
                self.assert_error(done, "E3002", f"exit code {number}")

    def test_traps_name_the_guests_frames(self):
        self.write("trap.wat", b'(module (func $inner (unreachable)) '
                               b'(func $outer (export "_start") (call $inner)))')
        done = self.godwit("run", "trap.wat", code=1)
        self.assert_error(done, "E3001", "unreachable", "0: inner", "1: outer")
        self.assertNotIn("0x7f", done.stderr)  # no address of ours

    def test_limits(self):
        self.write("loop.wat", LOOP)
        done = self.godwit("run", "loop.wat", "--limit", "cpu=50ms", code=1)
        self.assert_error(done, "E4002", "50ms")
        done = self.godwit("run", "loop.wat", "--limit", "timeout=50ms", code=1)
        self.assert_error(done, "E4003")
        self.write("grow.wat", program("(if (i32.eq (memory.grow (i32.const 1000)) "
                                       "(i32.const -1)) (then (unreachable)))"))
        done = self.godwit("run", "grow.wat", "--limit", "memory=1MiB", code=1)
        self.assert_error(done, "E4001", "1MiB")
        self.godwit("run", "grow.wat")
        self.write("copy.wat", COPY)
        done = self.godwit("run", "copy.wat", "--limit", "request-body=1KiB", stdin=b"x" * 2000,
                           code=1)
        self.assert_error(done, "E1003")
        self.assertEqual(done.stdout, b"x" * 1024)
        done = self.godwit("run", "copy.wat", "--limit", "response-body=1KiB", stdin=b"x" * 2000,
                           code=1)
        self.assert_error(done, "E3005")
        self.assertEqual(done.stdout, b"x" * 1024)

    def test_wrong_usage(self):
        self.write("a.wat", say(1, "x"))
        self.usage_error("run", "a.wat", "name", texts=["NAME=VALUE"])
        self.usage_error("run", "a.wat", "--env", "E")
        self.usage_error("run", "a.wat", "--limit", "cpu")
        for limit, code in (("cpu=5", "E6004"), ("cup=5s", "E6002"), ("cpu=fast", "E6003")):
            self.assert_error(self.godwit("run", "a.wat", "--limit", limit, code=2), code)
        self.usage_error("run", "a.wat", "a=b", "--request", "x.http")
        self.assert_error(self.godwit("run", "none.wat", code=1), "E5006")
        self.assert_error(self.godwit("run", "a.wat", "--stdin", "none", code=1), "E5006")
        self.assert_error(self.godwit("run", "a.wat", os.fsdecode(b"n=\xff"), code=1), "E1006")

    def test_without_a_state_folder(self):
        self.write("a.wat", say(1, "x"))
        bare = {k: v for k, v in ENVIRONMENT.items() if k not in ("HOME", "XDG_STATE_HOME")}
        done = self.godwit("run", "a.wat", env=bare)
        self.assertEqual(done.stdout, b"x")
        self.assertIn("godwit: warning: compiled code is not kept", done.stderr)
        self.write("file", b"")
        done = self.godwit("run", "a.wat", "--state-dir", "file", code=1)
        self.assert_error(done, "E5002")

    # --- what it tells

    def test_stats(self):
        self.write("a.wat", say(1, "hello"))
        done = self.godwit("run", "a.wat", "--stats")
        self.assertEqual(done.stdout, b"hello")
        for name in ("CPU", "wall", "set-up", "guest", "clean-up", "peak memory", "page faults"):
            self.assertRegex(done.stderr, rf"(?m)^ +{name} +\d")

    def test_json(self):
        self.write("a.wat", say(1, "hello"))
        document = self.godwit("run", "a.wat", "--json").json
        self.assertEqual((document["ok"], document["outcome"], document["error"]),
                         (True, "finished", None))
        self.assertEqual((document["stdout"], document["stderr"]), ("hello", ""))
        stats = document["stats"]
        self.assertEqual(stats["peak_memory_bytes"], 8 * 65536)
        self.assertEqual(stats["output_bytes"], 5)
        parts = stats["setup_us"] + stats["guest_us"] + stats["cleanup_us"]
        self.assertAlmostEqual(parts, stats["wall_us"], delta=1)
        self.assertGreater(stats["cpu_us"], 0)
        self.assertGreater(stats["page_faults"]["minor"], 0)

    def test_stats_are_measured(self):
        # 400 pages of 4 KiB are touched by the one and not by the other.
        touch = "(memory.fill (i32.const 0) (i32.const 1) (i32.const {}))"
        self.write("much.wat", b'(module (memory 26) (func (export "_start") ' +
                   touch.format(400 * 4096).encode() + b"))")
        self.write("little.wat", b'(module (memory 26) (func (export "_start") ' +
                   touch.format(16).encode() + b"))")
        faults = [self.godwit("run", f"{name}.wat", "--json").json["stats"]["page_faults"]["minor"]
                  for name in ("much", "little")]
        self.assertGreater(faults[0], faults[1] + 100)

    def test_json_of_a_failure(self):
        self.write("exit.wat", program("(call $write (i32.const 1) (i32.const 1024) (i32.const 1))"
                                       "(call $proc_exit (i32.const 7))", "\\ff"))
        done = self.godwit("run", "exit.wat", "--json", code=1)
        document = done.json
        self.assertEqual((document["ok"], document["exit_code"]), (False, 7))
        self.assertEqual(document["error"]["code"], "E3002")
        self.assertEqual(document["stdout_base64"], "/w==")
        self.assert_error(done, "E3002")

    # --- a whole request

    def respond(self, request, *words, code=0):
        self.write("x.http", request)
        done = self.godwit("run", "f.wat", "--request", "x.http", *words, code=code)
        head, body = done.stdout.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        return done, lines[0], fields, body

    def test_request_of_a_file(self):
        self.write("f.wat", STRINGS)
        _, status, fields, body = self.respond(b"POST /f/7?name=Ada\nX-Y: z\n\n{}\n")
        self.assertEqual(status, "HTTP/1.1 200 OK")
        self.assertEqual(fields["content-type"], "text/plain; charset=utf-8")
        variables = body.decode().split("\0")
        for variable in ("name=Ada", "REQUEST_METHOD=POST", "PATH_INFO=/7", "SCRIPT_NAME=/f",
                         "HTTP_X_Y=z", "CONTENT_LENGTH=3", "SERVER_NAME=localhost",
                         f"GODWIT_REQUEST_ID={fields['x-request-id']}"):
            self.assertIn(variable, variables)

    def test_request_with_a_body(self):
        self.write("f.wat", COPY)
        body = os.urandom(200_000)
        answer = self.respond(b"POST /f\nContent-Type: x/y\n\n" + body)
        self.assertEqual(answer[2]["content-type"], "application/octet-stream")
        self.assertEqual(answer[3], body)

    def test_cgi_response(self):
        self.write("f.toml", b'response = "cgi"\n')
        self.write("f.wat", say(1, "Status: 201 Made\nContent-Type: a/b\nX-A: c\n\nbody"))
        _, status, fields, body = self.respond(b"GET /f\n")
        self.assertEqual((status, body), ("HTTP/1.1 201 Created", b"body"))
        self.assertEqual((fields["content-type"], fields["x-a"]), ("a/b", "c"))
        self.assertEqual(self.respond(b"HEAD /f\n")[3], b"")

    def test_failed_response(self):
        self.write("f.wat", program("(call $proc_exit (i32.const 7))"))
        done, status, fields, body = self.respond(b"GET /f\n", code=1)
        self.assertEqual(status, "HTTP/1.1 500 Internal Server Error")
        self.assertEqual(fields["content-type"], "application/problem+json")
        self.assertEqual(json.loads(body)["code"], "E3002")
        self.assert_error(done, "E3002")

    def test_response_as_json(self):
        self.write("f.wat", say(1, "hello"))
        self.write("x.http", b"GET /f\n")
        response = self.godwit("run", "f.wat", "--request", "x.http", "--json").json["response"]
        self.assertEqual((response["status"], response["body"]), (200, "hello"))
        self.assertIn({"name": "Content-Type", "value": "text/plain; charset=utf-8"},
                      response["headers"])

    def test_bad_requests(self):
        self.write("f.wat", say(1, "x"))
        for request, code in ((b"", "E1001"), (b"GET /f\nbroken\n\n", "E1001"),
                              (b"GET /a/../b\n", "E1007"), (b"GET /f?a=%00\n", "E1006"),
                              (b"BREW /f\n", "E1012"), (b"GET /f HTTP/3.0\n\n", "E1010")):
            self.write("x.http", request)
            done = self.godwit("run", "f.wat", "--request", "x.http", code=1)
            self.assert_error(done, code)


class Processes(CliTest):
    """However a run ends, its compile service and compilers end with it."""

    def test_none_is_left(self):
        self.write("loop.wat", LOOP)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, None):
            limit = "cpu=60s" if number else "cpu=500ms"
            process = subprocess.Popen([harness.program(), "run", "loop.wat", "--limit", limit,
                                        "--limit", "timeout=60s"],
                                       cwd=self.folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                started = harness.wait_for(lambda: harness.children(process.pid), "the service")
                if number:
                    process.send_signal(number)
                self.assertEqual(process.wait(harness.PATIENCE_S), -number if number else 1)
                harness.wait_for(lambda: not any(map(harness.is_alive, started)), "their end")
            finally:
                process.kill()
                process.wait()


if __name__ == "__main__":
    harness.main()
