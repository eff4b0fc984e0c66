#include "http/head_rules.h"

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

}  // namespace
}  // namespace godwit::http
