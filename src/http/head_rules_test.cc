#include "http/head_rules.h"

#include <initializer_list>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "http/line_guard.h"
#include "http/response.h"

namespace godwit::http {
namespace {

TEST(HeadRules, ContentLength) {
  EXPECT_EQ(parse_content_length("0"), 0U);
  EXPECT_EQ(parse_content_length("9223372036854775807"), 9223372036854775807U);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1,1", "9223372036854775808",
                           "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_content_length(text).has_value()) << text;
  }
}

TEST(HeadRules, Authority) {
  for (const char* text : {"h", "a.b-c_d~e", "h:0", "h:65535", "[::1]", "[::ffff:1.2.3.4]:8"}) {
    EXPECT_TRUE(is_authority(text)) << text;
  }
  for (const char* text : {"", ":", "h:", "h:65536", "h:000080", "[]", "[::1", "::1]", "[::1]:",
                           "[g::1]", "a[::1]", "[::1]80", "a b", "a@b", "a%2e", "a/", "a\\"}) {
    EXPECT_FALSE(is_authority(text)) << text;
  }
}

TEST(HeadRules, HostNameAndPort) {
  EXPECT_EQ(host_name("h:80"), "h");
  EXPECT_EQ(host_port("h:80"), "80");
  EXPECT_EQ(host_name("h"), "h");
  EXPECT_EQ(host_port("h"), "");
  EXPECT_EQ(host_name("[::1]:80"), "[::1]");
  EXPECT_EQ(host_port("[::1]:80"), "80");
  EXPECT_EQ(host_name("[::1]"), "[::1]");
  EXPECT_EQ(host_port("[::1]"), "");
  EXPECT_EQ(host_name(""), "");
}

// llhttp refuses most of these before they get here; the rule has to hold without it.
std::string framing_of(std::initializer_list<Field> fields, Version version = Version::kHttp11) {
  Request request{.version = version};
  EXPECT_TRUE(request.fields.append("Host", "h"));
  for (const Field& field : fields) EXPECT_TRUE(request.fields.append(field.name, field.value));
  const auto read = read_fields(request);
  if (!read) return std::string(error_info(read.error().code).name);
  if (request.chunked) return "chunked";
  return request.content_length ? std::to_string(*request.content_length) : "none";
}

TEST(HeadRules, Framing) {
  EXPECT_EQ(framing_of({}), "none");
  EXPECT_EQ(framing_of({{"content-LENGTH", "7"}}), "7");
  EXPECT_EQ(framing_of({{"transfer-ENCODING", "Chunked"}}), "chunked");
  EXPECT_EQ(framing_of({{"Content-Length", "7"}, {"Content-Length", "7"}}), "kBadRequest");
  EXPECT_EQ(framing_of({{"Content-Length", "7"}, {"content-length", "8"}}), "kBadRequest");
  EXPECT_EQ(framing_of({{"Content-Length", "7,7"}}), "kBadRequest");
  EXPECT_EQ(framing_of({{"Content-Length", ""}}), "kBadRequest");
  EXPECT_EQ(framing_of({{"Content-Length", "7"}, {"Transfer-Encoding", "chunked"}}), "kBadRequest");
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "chunked"}}, Version::kHttp10), "kBadRequest");
  EXPECT_EQ(framing_of({{"Transfer-Encoding", ""}}), "kBadRequest");
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "gzip"}}),
            "kBadRequest");
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", ""}}),
            "kBadRequest");
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "gzip,chunked"}}), "kUnsupportedTransferCoding");
  EXPECT_EQ(framing_of({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}),
            "kUnsupportedTransferCoding");
}

TEST(HeadRules, RequestLineNeedsExactlyTwoSpaces) {
  const auto read = [](std::string_view line) {
    Request request;
    return read_request_line(line, {24, 100}, request).has_value();
  };
  EXPECT_TRUE(read("GET / HTTP/1.1"));
  for (const char* line : {"", "GET", "GET ", "GET /", "GET / ", "GET  / HTTP/1.1",
                           "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
                           "GET /a b HTTP/1.1", "GET / HTTP/1.1x", "GET / xHTTP/1.1"}) {
    EXPECT_FALSE(read(line)) << line;
  }
}

TEST(LineGuard, FindsLinesAndKeepsItsPlace) {
  LineGuard guard;
  EXPECT_TRUE(guard.at_start());
  auto scan = guard.scan("ab\r\ncd");
  EXPECT_EQ(scan.end, LineEnd::kLine);
  EXPECT_EQ(scan.consumed, 4U);
  EXPECT_EQ(guard.line_bytes(), 2U);
  EXPECT_TRUE(guard.at_start());
  EXPECT_EQ(guard.scan("c").end, LineEnd::kMore);
  EXPECT_FALSE(guard.at_start());
  EXPECT_EQ(guard.scan("\r").end, LineEnd::kMore);
  scan = guard.scan("\n");
  EXPECT_EQ(scan.end, LineEnd::kLine);
  EXPECT_EQ(guard.line_bytes(), 1U);
  EXPECT_EQ(guard.scan("\r\n").end, LineEnd::kLine);
  EXPECT_EQ(guard.line_bytes(), 0U);
}

TEST(LineGuard, RefusesEveryOtherControlAndLineEnd) {
  for (const char* text : {"a\n", "\n", "a\rb", "\r\r\n", "a\x01", "\x7f"}) {
    LineGuard guard;
    EXPECT_EQ(guard.scan(text).end, LineEnd::kBadByte) << text;
  }
  LineGuard guard;
  guard.scan("a\r");
  EXPECT_EQ(guard.scan("b").end, LineEnd::kBadByte);
}

TEST(Response, ReasonPhrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "");
  for (const ErrorInfo& info : all_errors()) {
    EXPECT_FALSE(reason_phrase(info.http_status).empty()) << info.name;
  }
}

TEST(Response, ConnectionFields) {
  EXPECT_TRUE(is_connection_field("transfer-encoding"));
  EXPECT_TRUE(is_connection_field("Te"));
  EXPECT_FALSE(is_connection_field("Content-Type"));
}

TEST(Response, ForbiddenTrailers) {
  for (const char* const name :
       {"transfer-encoding", "Content-Length", "trailer", "host", "SET-COOKIE", "authorization",
        "www-authenticate", "proxy-authenticate", "cache-control", "content-type",
        "content-encoding", "content-range", "content-security-policy", "location", "vary", "date",
        "access-control-allow-origin", "strict-transport-security"}) {
    EXPECT_TRUE(is_forbidden_trailer(name)) << name;
  }
  for (const char* const name : {"x-checksum", "etag", "server-timing", "digest", "repr-digest",
                                 "Content-Digest", "grpc-status", "content", "x-host", ""}) {
    EXPECT_FALSE(is_forbidden_trailer(name)) << name;
  }
}

}  // namespace
}  // namespace godwit::http
