#include "http/parser_cases.h"

namespace godwit::http {
namespace {

using std::string;
using std::string_literals::operator""s;

const string kHost = "Host: h\n";

string get(const string& fields) { return crlf("GET / HTTP/1.1\n" + fields + "\n"); }
string get_with_host(const string& fields) { return get(kHost + fields); }
string post(const string& fields, const string& body) {
  return crlf("POST / HTTP/1.1\n" + kHost + fields + "\n") + body;
}
string chunked(const string& body) { return post("Transfer-Encoding: chunked\n", body); }
string target(const string& text) { return crlf("GET " + text + " HTTP/1.1\nHost: h\n\n"); }
string line(const string& text) { return crlf(text + "\nHost: h\n\n"); }

const string kChunkedHead = "POST / host=h Transfer-Encoding:chunked";

void add_valid_heads(std::vector<ParserCase>& out) {
  out.insert(
      out.end(),
      {{"minimal", get(kHost), "GET / host=h end; idle"},
       {"pipelined", get(kHost) + target("/b"), "GET / host=h end; GET /b host=h end; idle"},
       {"nothing", "", "idle"},
       {"CRLF before", "\r\n" + get(kHost), "GET / host=h end; idle"},
       {"CRLF between", get(kHost) + "\r\n" + get(kHost),
        "GET / host=h end; GET / host=h end; idle"},
       {"half a request line", "GET / HT", "more"},
       {"half a head", "GET / HTTP/1.1\r\nHost: h\r\n", "more"},
       {"head without last LF", "GET / HTTP/1.1\r\nHost: h\r\n\r", "more"},
       {"path and query", target("/a/b?c=d&e=%20"), "GET /a/b?c=d&e=%20 host=h end; idle"},
       {"second ? is query", target("/a?b?c"), "GET /a?b?c host=h end; idle"},
       {"escapes stay raw", target("/%2e%2E/%00"), "GET /%2e%2E/%00 host=h end; idle"},
       {"two slashes", target("//a//b"), "GET //a//b host=h end; idle"},
       {"absolute form", target("http://other:81/a?b"), "GET /a?b host=other:81 end; idle"},
       {"absolute form, upper case", target("HTTP://other/a"), "GET /a host=other end; idle"},
       {"absolute https", target("https://other/"), "GET / host=other end; idle"},
       {"absolute without path", target("http://other"), "GET / host=other end; idle"},
       {"absolute with query only", target("http://other?q"), "GET /?q host=other end; idle"},
       {"asterisk", line("OPTIONS * HTTP/1.1"), "OPTIONS * host=h end; idle"},
       {"options path", line("OPTIONS /a HTTP/1.1"), "OPTIONS /a host=h end; idle"},
       {"head method", line("HEAD / HTTP/1.1"), "HEAD / host=h end; idle"},
       {"delete", line("DELETE /x HTTP/1.1"), "DELETE /x host=h end; idle"},
       {"patch", line("PATCH /x HTTP/1.1"), "PATCH /x host=h end; idle"},
       {"trace", line("TRACE /x HTTP/1.1"), "TRACE /x host=h end; idle"},
       {"m-search", line("M-SEARCH /x HTTP/1.1"), "M-SEARCH /x host=h end; idle"},
       {"1.0 without host", crlf("GET / HTTP/1.0\n\n"), "GET / 1.0 host= end; idle"},
       {"1.0 with host", crlf("GET / HTTP/1.0\nHost: h\n\n"), "GET / 1.0 host=h end; idle"},
       {"host with port", get("Host: h.example:8080\n"), "GET / host=h.example:8080 end; idle"},
       {"host IPv6", get("Host: [::1]:80\n"), "GET / host=[::1]:80 end; idle"},
       {"host IPv6 without port", get("Host: [fe80::1]\n"), "GET / host=[fe80::1] end; idle"},
       {"host IPv4", get("Host: 127.0.0.1:1\n"), "GET / host=127.0.0.1:1 end; idle"}});
}

void add_valid_fields(std::vector<ParserCase>& out) {
  out.insert(
      out.end(),
      {{"field order and duplicates", get_with_host("b: 1\na: 2\nB: 3\n"),
        "GET / host=h b:1 a:2 B:3 end; idle"},
       {"value whitespace", get_with_host("a:  \t b c \t\n"), "GET / host=h a:b c end; idle"},
       {"no space after colon", get_with_host("a:b\n"), "GET / host=h a:b end; idle"},
       {"empty value", get_with_host("a:\nb: \nc: d\n"), "GET / host=h a: b: c:d end; idle"},
       {"tab inside value", get_with_host("a: b\tc\n"), "GET / host=h a:b\tc end; idle"},
       {"obs-text", get_with_host("a: \xc3\xa9\xff\n"), "GET / host=h a:\xc3\xa9\xff end; idle"},
       {"colon in value", get_with_host("a: b:c::d\n"), "GET / host=h a:b:c::d end; idle"},
       {"underscore kept", get_with_host("a_b: c\n"), "GET / host=h a_b:c end; idle"},
       {"all token characters", get_with_host("!#$%&'*+-.^_`|~09azAZ: x\n"),
        "GET / host=h !#$%&'*+-.^_`|~09azAZ:x end; idle"},
       {"close", get_with_host("Connection: close\n"),
        "GET / host=h Connection:close close end; idle"},
       {"close in a list", get_with_host("Connection: foo,\t CLOSE , bar\n"),
        "GET / host=h Connection:foo,\t CLOSE , bar close end; idle"},
       {"close in the second field", get_with_host("Connection: foo\nConnection: close\n"),
        "GET / host=h Connection:foo Connection:close close end; idle"},
       {"close is not a prefix", get_with_host("Connection: closer\n"),
        "GET / host=h Connection:closer end; idle"},
       {"1.0 keep-alive", crlf("GET / HTTP/1.0\nConnection: Keep-Alive\n\n"),
        "GET / 1.0 host= Connection:Keep-Alive keep-alive end; idle"},
       {"close wins", crlf("GET / HTTP/1.0\nConnection: keep-alive, close\n\n"),
        "GET / 1.0 host= Connection:keep-alive, close end; idle"},
       {"bytes after close are read as a request",
        get_with_host("Connection: close\n") + get(kHost),
        "GET / host=h Connection:close close end; GET / host=h end; idle"},
       {"upgrade is not taken",
        get_with_host("Connection: Upgrade\nUpgrade: websocket\n") + get(kHost),
        "GET / host=h Connection:Upgrade Upgrade:websocket end; GET / host=h end; idle"},
       {"h2c upgrade with a body",
        post("Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nContent-Length: 3\n", "abc"),
        "POST / host=h Connection:Upgrade, HTTP2-Settings Upgrade:h2c Content-Length:3 "
        "body=3:abc end; idle"},
       {"expect", post("Content-Length: 1\nExpect: 100-Continue\n", "x"),
        "POST / host=h Content-Length:1 Expect:100-Continue expects-continue body=1:x end; idle"},
       {"expect without a body", get_with_host("Expect: 100-continue\n"),
        "GET / host=h Expect:100-continue end; idle"},
       {"expect something else", get_with_host("Expect: 200-ok\n"),
        "GET / host=h Expect:200-ok expects-unsupported end; idle"},
       {"expect both", post("Content-Length: 1\nExpect: 100-continue\nExpect: x\n", "x"),
        "POST / host=h Content-Length:1 Expect:100-continue Expect:x expects-unsupported "
        "body=1:x end; idle"},
       {"te and trailer fields mean nothing here", get_with_host("TE: trailers\nTrailer: x\n"),
        "GET / host=h TE:trailers Trailer:x end; idle"}});
}

void add_valid_bodies(std::vector<ParserCase>& out) {
  const string length3 = "POST / host=h Content-Length:3";
  out.insert(
      out.end(),
      {{"length", post("Content-Length: 3\n", "abc"), length3 + " body=3:abc end; idle"},
       {"length and the next request", post("Content-Length: 3\n", "abc") + get(kHost),
        length3 + " body=3:abc end; GET / host=h end; idle"},
       {"body that looks like a request", post("Content-Length: 18\n", "GET / HTTP/1.1\r\n\r\n"),
        "POST / host=h Content-Length:18 body=18:GET / HTTP/1.1\r\n\r\n end; idle"},
       {"length 0", post("Content-Length: 0\n", ""), "POST / host=h Content-Length:0 end; idle"},
       {"length with zeros", post("Content-Length: 0003\n", "abc"),
        "POST / host=h Content-Length:0003 body=3:abc end; idle"},
       {"post without length", post("", "") + get(kHost),
        "POST / host=h end; GET / host=h end; idle"},
       {"half a body", post("Content-Length: 3\n", "ab"), length3 + "more body=ab"},
       {"get with a body", crlf("GET / HTTP/1.1\nHost: h\nContent-Length: 1\n\n") + "x",
        "GET / host=h Content-Length:1 body=1:x end; idle"},
       {"binary body", post("Content-Length: 4\n", "\0\r\n\xff"s),
        "POST / host=h Content-Length:4 body=4:\0\r\n\xff end; idle"s},
       {"chunks", chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        kChunkedHead + " body=5:abcde end; idle"},
       {"no chunk but the last", chunked("0\r\n\r\n"), kChunkedHead + " body=0: end; idle"},
       {"chunks and the next request", chunked("1\r\nx\r\n0\r\n\r\n") + get(kHost),
        kChunkedHead + " body=1:x end; GET / host=h end; idle"},
       {"chunk holds CRLF", chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"),
        kChunkedHead + " body=4:\r\n\r\n end; idle"},
       {"chunk size in hex, both cases", chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        kChunkedHead + " body=20:01234567890123456789 end; idle"},
       {"chunk size with zeros", chunked("0003\r\nabc\r\n000\r\n\r\n"),
        kChunkedHead + " body=3:abc end; idle"},
       {"chunk extensions", chunked("1;a=b;c=\"d;e\"\r\nx\r\n0;z\r\n\r\n"),
        kChunkedHead + " body=1:x end; idle"},
       {"chunk extension with a space", chunked("1; a = b\r\nx\r\n0\r\n\r\n"),
        kChunkedHead + " body=1:x end; idle"},
       {"trailers are dropped", chunked("1\r\nx\r\n0\r\nA: b\r\nHost: evil\r\n\r\n"),
        kChunkedHead + " body=1:x end; idle"},
       {"trailer connection means nothing", chunked("0\r\nConnection: close\r\n\r\n") + get(kHost),
        kChunkedHead + " body=0: end; GET / host=h end; idle"},
       {"chunked in upper case", post("Transfer-Encoding: CHUNKED\n", "0\r\n\r\n"),
        "POST / host=h Transfer-Encoding:CHUNKED body=0: end; idle"},
       {"half a chunk", chunked("5\r\nab"), kChunkedHead + "more body=ab"},
       {"half a last chunk", chunked("0\r\n"), kChunkedHead + "more"}});
}

void add_bad_lines(std::vector<ParserCase>& out) {
  const string bad = "kBadRequest";
  out.insert(
      out.end(),
      {{"two CRLF before", "\r\n\r\n" + get(kHost), bad},
       {"LF before", "\n" + get(kHost), bad},
       {"bare LF ends the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", bad},
       {"bare LF ends a field", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", bad},
       {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", bad},
       {"bare CR ends the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n", bad},
       {"bare CR ends a field (CVE-2023-30589)", "GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n", bad},
       {"bare CR hides a field",
        "POST / HTTP/1.1\r\nHost: h\r\nX:\rTransfer-Encoding: chunked\r\n\r\n", bad},
       {"CR X ends the head (CVE-2025-23167)",
        "GET / HTTP/1.1\r\nHost: h\r\n\rXGET / HTTP/1.1\r\n\r\n", bad},
       {"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", bad},
       {"NUL in a value", get_with_host("a: b\0c\n"s), bad},
       {"NUL in a name", get_with_host("a\0: b\n"s), bad},
       {"NUL first", "\0"s, bad},
       {"control in a value", get_with_host("a: \x01\n"), bad},
       {"escape in a value", get_with_host("a: \x1b[0m\n"), bad},
       {"DEL in a value", get_with_host("a: \x7f\n"), bad},
       {"vertical tab", get_with_host("a: b\vc\n"), bad},
       {"TLS client hello", "\x16\x03\x01\x02\x00\x01\x00"s, bad},
       {"HTTP/0.9", "GET /\r\n\r\n", bad},
       {"HTTP/0.9 with a space", "GET / \r\n\r\n", bad},
       {"no target", line("GET HTTP/1.1"), bad},
       {"empty target", line("GET  HTTP/1.1"), bad},
       {"two spaces before the target", line("GET  / HTTP/1.1"), bad},
       {"two spaces before the version", line("GET /  HTTP/1.1"), bad},
       {"space after the version", line("GET / HTTP/1.1 "), bad},
       {"tab for a space", line("GET\t/ HTTP/1.1"), bad},
       {"tab in the target", line("GET /\t HTTP/1.1"), bad},
       {"space in the target", line("GET /a b HTTP/1.1"), bad},
       {"space before the method", line(" GET / HTTP/1.1"), bad},
       {"lower-case version", line("GET / http/1.1"), bad},
       {"version without a dot", line("GET / HTTP/11"), bad},
       {"version with a comma", line("GET / HTTP/1,1"), bad},
       {"two digits of version", line("GET / HTTP/1.10"), bad},
       {"version in front", line("GET / HTTP/01.1"), bad},
       {"RTSP", line("PLAY / RTSP/1.0"), bad},
       {"ICE", line("SOURCE / ICE/1.0"), bad},
       {"a response", crlf("HTTP/1.1 200 OK\n\n"), bad},
       {"method with a colon", line("G:T / HTTP/1.1"), bad},
       {"method with a slash", line("G/T / HTTP/1.1"), bad},
       {"method in quotes", line("\"GET\" / HTTP/1.1"), bad},
       {"method too long", line(string(25, 'A') + " / HTTP/1.1"), bad},
       {"endless method", string(9000, 'A'), bad},
       {"method not ASCII", line("G\xc3\x89T / HTTP/1.1"), bad}});
  out.insert(out.end(),
             {{"HTTP/2.0", line("GET / HTTP/2.0"), "kUnsupportedHttpVersion"},
              {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "kUnsupportedHttpVersion"},
              {"HTTP/0.9 said", line("GET / HTTP/0.9"), "kUnsupportedHttpVersion"},
              {"HTTP/1.2", line("GET / HTTP/1.2"), "kUnsupportedHttpVersion"},
              {"HTTP/3.0", line("GET / HTTP/3.0"), "kUnsupportedHttpVersion"},
              {"HTTP/9.9", line("GET / HTTP/9.9"), "kUnsupportedHttpVersion"},
              {"CONNECT", line("CONNECT h:80 HTTP/1.1"), "kMethodNotAllowed"},
              {"CONNECT path", line("CONNECT / HTTP/1.1"), "kMethodNotAllowed"},
              {"PRI 1.1", line("PRI / HTTP/1.1"), "kMethodNotAllowed"},
              {"unknown method", line("BREW / HTTP/1.1"), "kMethodNotAllowed"},
              {"known method as a prefix", line("GETX / HTTP/1.1"), "kMethodNotAllowed"},
              {"prefix of a known method", line("GE / HTTP/1.1"), "kMethodNotAllowed"},
              {"lower-case method", line("get / HTTP/1.1"), "kMethodNotAllowed"},
              {"RTSP method", line("PLAY / HTTP/1.1"), "kMethodNotAllowed"}});
}

void add_bad_targets(std::vector<ParserCase>& out) {
  const string bad = "kBadRequest";
  out.insert(out.end(),
             {{"authority form", target("h:80"), bad},
              {"relative path", target("a/b"), bad},
              {"query only", target("?a"), bad},
              {"asterisk with GET", target("*"), bad},
              {"asterisk and more", line("OPTIONS *a HTTP/1.1"), bad},
              {"fragment", target("/a#b"), bad},
              {"fragment in the query", target("/a?b#c"), bad},
              {"fragment in absolute form", target("http://h/#a"), bad},
              {"UTF-8", target("/\xc3\xa9"), bad},
              {"byte 0xff", target("/\xff"), bad},
              {"UTF-8 in the query", target("/?\xc3\xa9"), bad},
              {"NUL", target("/\0"s), bad},
              {"DEL", target("/\x7f"), bad},
              {"ftp", target("ftp://h/"), bad},
              {"javascript", target("javascript:alert(1)"), bad},
              {"absolute without host", target("http:///a"), bad},
              {"absolute with a port only", target("http://:80/"), bad},
              {"one slash", target("http:/h/a"), bad},
              {"user information", target("http://u:p@h/"), bad},
              {"absolute, bad port", target("http://h:x/"), bad},
              {"absolute, escape in the host", target("http://h%2e/"), bad},
              {"absolute, backslash", target("http://h\\evil/"), bad},
              {"target too long", target("/" + string(8192, 'a')), "kTargetTooLong"},
              {"query too long", target("/?" + string(9000, 'a')), "kTargetTooLong"},
              {"endless target", "GET /" + string(9000, 'a'), "kTargetTooLong"},
              {"endless target of spaces", "GET " + string(9000, ' '), "kTargetTooLong"}});
}

void add_bad_fields(std::vector<ParserCase>& out) {
  const string bad = "kBadRequest";
  out.insert(
      out.end(),
      {{"no host", get(""), bad},
       {"two hosts", get("Host: h\nHost: h\n"), bad},
       {"two hosts, other case", get("Host: h\nhost: i\n"), bad},
       {"two hosts in 1.0", crlf("GET / HTTP/1.0\nHost: h\nHost: i\n\n"), bad},
       {"empty host", get("Host:\n"), bad},
       {"empty host and absolute form", crlf("GET http://h/ HTTP/1.1\nHost:\n\n"), bad},
       {"no host and absolute form", crlf("GET http://h/ HTTP/1.1\n\n"), bad},
       {"host with a space", get("Host: a b\n"), bad},
       {"host list", get("Host: a,b\n"), bad},
       {"host with a path", get("Host: a/b\n"), bad},
       {"host with user information", get("Host: a@b\n"), bad},
       {"host with a fragment", get("Host: a#b\n"), bad},
       {"host with a query", get("Host: a?b\n"), bad},
       {"host with a backslash", get("Host: a\\b\n"), bad},
       {"host with an escape", get("Host: a%00b\n"), bad},
       {"host in quotes", get("Host: \"a\"\n"), bad},
       {"host as markup", get("Host: <a>\n"), bad},
       {"host not ASCII", get("Host: \xc3\xa9\n"), bad},
       {"host with an empty port", get("Host: a:\n"), bad},
       {"host with a bad port", get("Host: a:8x\n"), bad},
       {"host with a port too large", get("Host: a:65536\n"), bad},
       {"host with two ports", get("Host: a:1:2\n"), bad},
       {"host is a port", get("Host: :80\n"), bad},
       {"IPv6 without brackets", get("Host: ::1\n"), bad},
       {"IPv6 not closed", get("Host: [::1\n"), bad},
       {"IPv6 and more", get("Host: [::1]a\n"), bad},
       {"IPv6 empty", get("Host: []\n"), bad},
       {"IPv6 zone", get("Host: [fe80::1%25eth0]\n"), bad},
       {"host too long", get("Host: " + string(256, 'a') + "\n"), bad},
       {"space before colon", get_with_host("a : b\n"), bad},
       {"tab before colon", get_with_host("a\t: b\n"), bad},
       {"space before the colon of Host", get("Host : h\n"), bad},
       {"space before the colon of Content-Length", post("Content-Length : 1\n", "x"), bad},
       {"space before the colon of Transfer-Encoding", post("Transfer-Encoding : chunked\n", ""),
        bad},
       {"space in a name", get_with_host("a b: c\n"), bad},
       {"no colon", get_with_host("abc\n"), bad},
       {"empty name", get_with_host(": b\n"), bad},
       {"name in brackets", get_with_host("(a): b\n"), bad},
       {"name not ASCII", get_with_host("\xc3\xa9: b\n"), bad},
       {"obs-fold", get_with_host("a: b\n c\n"), bad},
       {"obs-fold with a tab", get_with_host("a: b\n\tc\n"), bad},
       {"obs-fold of an empty value", get_with_host("a:\n b\n"), bad},
       {"obs-fold in Transfer-Encoding", post("Transfer-Encoding:\n chunked\n", "0\r\n\r\n"), bad},
       {"space before the first field", get(" Host: h\n"), bad},
       {"line of spaces", get_with_host("   \n"), bad}});
  string many = kHost;
  for (int i = 0; i < 100; ++i) many += "a: b\n";
  out.insert(
      out.end(),
      {{"101 fields", get(many), "kHeaderFieldsTooLarge"},
       {"large field", get_with_host("a: " + string(32768, 'b') + "\n"), "kHeaderFieldsTooLarge"},
       {"large name", get_with_host(string(32768, 'b') + ": a\n"), "kHeaderFieldsTooLarge"},
       {"endless field", "GET / HTTP/1.1\r\nHost: h\r\na: " + string(40000, 'b'),
        "kHeaderFieldsTooLarge"},
       {"endless name", "GET / HTTP/1.1\r\n" + string(40000, 'b'), "kHeaderFieldsTooLarge"},
       {"endless empty fields", "GET / HTTP/1.1\r\nHost: h\r\n" + crlf([] {
                                  string lines;
                                  for (int i = 0; i < 5000; ++i) lines += "a:\n";
                                  return lines;
                                }()),
        "kHeaderFieldsTooLarge"}});
}

void add_smuggling(std::vector<ParserCase>& out) {
  const string bad = "kBadRequest";
  const string te = "Transfer-Encoding: ";
  const string end = "0\r\n\r\n";
  out.insert(
      out.end(),
      {{"CL.TE", post("Content-Length: 6\nTransfer-Encoding: chunked\n", end + "G"), bad},
       {"TE.CL", post("Transfer-Encoding: chunked\nContent-Length: 6\n", end + "G"), bad},
       {"TE.CL 0", post("Transfer-Encoding: chunked\nContent-Length: 0\n", end), bad},
       {"CL twice, same", post("Content-Length: 1\nContent-Length: 1\n", "x"), bad},
       {"CL twice, different", post("Content-Length: 1\nContent-Length: 2\n", "xx"), bad},
       {"CL twice, other case", post("Content-Length: 1\ncontent-length: 2\n", "xx"), bad},
       {"CL list", post("Content-Length: 1, 1\n", "x"), bad},
       {"CL list, different", post("Content-Length: 1,2\n", "xx"), bad},
       {"CL negative", post("Content-Length: -1\n", ""), bad},
       {"CL with plus", post("Content-Length: +1\n", "x"), bad},
       {"CL hex", post("Content-Length: 0x1\n", "x"), bad},
       {"CL empty", post("Content-Length:\n", ""), bad},
       {"CL of spaces", post("Content-Length:   \n", ""), bad},
       {"CL with an inner space", post("Content-Length: 1 1\n", "x"), bad},
       {"CL with a fraction", post("Content-Length: 1.0\n", "x"), bad},
       {"CL with an exponent", post("Content-Length: 1e1\n", "x"), bad},
       {"CL with underscore", post("Content-Length: 1_0\n", "x"), bad},
       {"CL in quotes", post("Content-Length: \"1\"\n", "x"), bad},
       {"CL with letters", post("Content-Length: 1a\n", "x"), bad},
       {"CL in other digits", post("Content-Length: \xd9\xa1\n", "x"), bad},
       {"CL overflow 64", post("Content-Length: 18446744073709551616\n", ""), bad},
       {"CL overflow 63", post("Content-Length: 9223372036854775808\n", ""), bad},
       {"CL huge", post("Content-Length: " + string(100, '9') + "\n", ""), bad},
       {"TE unknown", post(te + "xchunked\n", end), bad},
       {"TE gzip alone", post(te + "gzip\n", end), bad},
       {"TE identity", post(te + "identity\n", end), bad},
       {"TE empty", post(te + "\n", end), bad},
       {"TE comma", post(te + ",\n", end), bad},
       {"TE not final", post(te + "chunked, gzip\n", end), bad},
       {"TE not final, two fields", post(te + "chunked\n" + te + "gzip\n", end), bad},
       {"TE chunked, identity", post(te + "chunked, identity\n", end), bad},
       {"TE in quotes", post(te + "\"chunked\"\n", end), bad},
       {"TE with a parameter", post(te + "chunked;q=1\n", end), bad},
       {"TE with a semicolon", post(te + "chunked;\n", end), bad},
       {"TE with letters after", post(te + "chunkedx\n", end), bad},
       {"TE with a space inside", post(te + "chu nked\n", end), bad},
       {"TE chunked chunked", post(te + "chunked chunked\n", end), bad},
       {"TE with vertical tab", post(te + "\vchunked\n", end), bad},
       {"TE chunked twice", post(te + "chunked, chunked\n", end), bad},
       {"TE chunked twice, two fields", post(te + "chunked\n" + te + "chunked\n", end), bad},
       {"TE chunked and unknown field", post(te + "chunked\n" + te + "x\n", end), bad},
       {"TE in 1.0", crlf("POST / HTTP/1.0\nHost: h\nTransfer-Encoding: chunked\n\n") + end, bad},
       {"TE and CL in 1.0",
        crlf("POST / HTTP/1.0\nTransfer-Encoding: chunked\nContent-Length: 5\n\n") + end, bad},
       {"TE gzip, chunked", post(te + "gzip, chunked\n", end), "kUnsupportedTransferCoding"},
       {"TE gzip and chunked in two fields", post(te + "gzip\n" + te + "chunked\n", end),
        "kUnsupportedTransferCoding"},
       {"TE identity, chunked", post(te + "identity, chunked\n", end),
        "kUnsupportedTransferCoding"}});
}

void add_bad_chunks(std::vector<ParserCase>& out) {
  const string bad = kChunkedHead + "kBadRequest";
  const string large = kChunkedHead + "kHeaderFieldsTooLarge";
  out.insert(
      out.end(),
      {{"chunk size missing", chunked("\r\nabc\r\n"), bad},
       {"chunk size negative", chunked("-1\r\n"), bad},
       {"chunk size with plus", chunked("+1\r\nx\r\n"), bad},
       {"chunk size 0x", chunked("0x1\r\nx\r\n"), bad},
       {"chunk size not hex", chunked("g\r\n"), bad},
       {"chunk size with underscore", chunked("1_0\r\n"), bad},
       {"chunk size with a space before", chunked(" 1\r\nx\r\n0\r\n\r\n"), bad},
       {"chunk size with a space after", chunked("1 \r\nx\r\n0\r\n\r\n"), bad},
       {"chunk size with a tab after", chunked("1\t\r\nx\r\n0\r\n\r\n"), bad},
       {"chunk size and space and extension", chunked("1 ;a\r\nx\r\n0\r\n\r\n"), bad},
       {"chunk size in quotes", chunked("\"1\"\r\n"), bad},
       {"chunk size overflow", chunked("10000000000000000\r\n"), bad},
       {"chunk size overflow to small", chunked("10000000000000001\r\nx\r\n0\r\n\r\n"), bad},
       {"chunk size of 2^63", chunked("8000000000000000\r\n"), bad},
       {"chunk size of 17 zeros", chunked(string(17, '0') + "\r\n\r\n"), bad},
       {"chunk size endless zeros", chunked(string(2000, '0')), bad},
       {"chunk size ends with LF", chunked("1\nx\r\n0\r\n\r\n"), bad},
       {"chunk size ends with CR", chunked("1\rx\r\n0\r\n\r\n"), bad},
       {"chunk size with NUL", chunked("1\0\r\nx\r\n0\r\n\r\n"s), bad},
       {"chunk extension ends with LF", chunked("1;a\nx\r\n0\r\n\r\n"), bad},
       {"chunk extension with CR", chunked("1;a\rb\r\nx\r\n0\r\n\r\n"), bad},
       {"chunk extension too long", chunked("1;" + string(300, 'a') + "\r\nx\r\n0\r\n\r\n"), bad},
       {"chunk extension endless", chunked("1;" + string(100000, 'a')), bad},
       {"chunk line of spaces", chunked("   \r\n"), bad},
       {"last chunk with a space", chunked("0 \r\n\r\n"), bad}});
  const string after_x = kChunkedHead + "kBadRequest";
  out.insert(out.end(),
             {{"chunk longer than its size", chunked("1\r\nxy\r\n0\r\n\r\n"), after_x},
              {"chunk shorter than its size", chunked("3\r\nx\r\n0\r\n\r\n"), after_x},
              {"chunk ends with LF", chunked("1\r\nx\n0\r\n\r\n"), after_x},
              {"chunk ends with CR", chunked("1\r\nx\r0\r\n\r\n"), after_x},
              {"chunk without an end", chunked("1\r\nx0\r\n\r\n"), after_x},
              {"no last chunk", chunked("1\r\nx\r\n\r\n"), after_x},
              {"trailer with LF", chunked("0\r\nA: b\n\r\n"), bad},
              {"trailer with bare CR", chunked("0\r\nA: b\rC: d\r\n\r\n"), bad},
              {"trailer end with LF", chunked("0\r\n\n"), bad},
              {"trailer without a colon", chunked("0\r\nabc\r\n\r\n"), bad},
              {"trailer without a name", chunked("0\r\n: b\r\n\r\n"), bad},
              {"trailer with space before colon", chunked("0\r\na : b\r\n\r\n"), bad},
              {"trailer obs-fold", chunked("0\r\na: b\r\n c\r\n\r\n"), bad},
              {"trailer obs-fold at once", chunked("0\r\n a: b\r\n\r\n"), bad},
              {"trailer Content-Length", chunked("0\r\nContent-Length: 5\r\n\r\n"), bad},
              {"trailer Transfer-Encoding", chunked("0\r\nTransfer-Encoding: gzip\r\n\r\n"), bad},
              {"trailer with NUL", chunked("0\r\na: \0\r\n\r\n"s), bad},
              {"request instead of trailers", chunked("0\r\nGET / HTTP/1.1\r\n\r\n"), bad},
              {"trailer too long", chunked("0\r\na: " + string(5000, 'b') + "\r\n\r\n"), large},
              {"too many trailers",
               chunked("0\r\n" + crlf([] {
                         string lines;
                         for (int i = 0; i < 33; ++i) lines += "a: b\n";
                         return lines;
                       }()) +
                       "\r\n"),
               large}});
  string extensions;
  for (int i = 0; i < 30; ++i) extensions += "1;" + string(200, 'a') + "\r\nx\r\n";
  out.push_back({"many chunk extensions", chunked(extensions), kChunkedHead + "kBadRequest"});
}

}  // namespace

std::vector<ParserCase> valid_cases() {
  std::vector<ParserCase> out;
  add_valid_heads(out);
  add_valid_fields(out);
  add_valid_bodies(out);
  return out;
}

std::vector<ParserCase> refused_cases() {
  std::vector<ParserCase> out;
  add_bad_lines(out);
  add_bad_targets(out);
  add_bad_fields(out);
  add_smuggling(out);
  add_bad_chunks(out);
  return out;
}

}  // namespace godwit::http
