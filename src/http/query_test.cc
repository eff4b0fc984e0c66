#include "http/query.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.h"

namespace godwit::http {
namespace {

// "name=value" or "name" for each parameter, with '|' between them.
std::string read(std::string_view query) {
  QueryReader reader(query);
  std::string out;
  while (const auto parameter = reader.next()) {
    if (!out.empty()) out += '|';
    out += parameter->name;
    if (parameter->has_value) out.append("=").append(parameter->value);
  }
  return out;
}

TEST(QueryReader, Pairs) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("a=1"), "a=1");
  EXPECT_EQ(read("a=1&b=2&a=3"), "a=1|b=2|a=3");
  EXPECT_EQ(read("a"), "a");
  EXPECT_EQ(read("a="), "a=");
  EXPECT_EQ(read("=1"), "=1");
  EXPECT_EQ(read("a=b=c"), "a=b=c");
  EXPECT_EQ(read("&&a=1&&&b=2&"), "a=1|b=2");
  EXPECT_EQ(read("a;b=1"), "a;b=1") << "';' separates nothing";
  EXPECT_EQ(read("a%3D=%26"), "a%3D=%26") << "raw";
}

std::string query(std::string_view raw) {
  std::string scratch;
  const auto decoded = decode_query(raw, scratch);
  return decoded ? std::string(*decoded) : std::string(error_info(decoded.error().code).name);
}

std::string path(std::string_view raw) {
  std::string scratch;
  const auto decoded = decode_path(raw, scratch);
  return decoded ? std::string(*decoded) : std::string(error_info(decoded.error().code).name);
}

TEST(DecodeQuery, Decodes) {
  EXPECT_EQ(query(""), "");
  EXPECT_EQ(query("abc"), "abc");
  EXPECT_EQ(query("a+b%20c"), "a b c");
  EXPECT_EQ(query("%2B%2b"), "++");
  EXPECT_EQ(query("%C3%A9"), "\xc3\xa9");
  EXPECT_EQ(query("%2541"), "%41") << "once, not twice";
  EXPECT_EQ(query("%0d%0a"), "\r\n");
  EXPECT_EQ(query("/?:@!$'()*,;"), "/?:@!$'()*,;");
}

TEST(DecodeQuery, Refuses) {
  for (const char* raw : {"%", "%4", "a%", "%g1", "%1g", "%%41", "%-1", "%+1", "% 1", "%00",
                          "a%00b", "%ff", "%c3", "%c0%af", "%ed%a0%80", "\xff"}) {
    EXPECT_EQ(query(raw), "kBadQuery") << raw;
  }
  EXPECT_EQ(query(std::string_view("a\0b", 3)), "kBadQuery");
}

TEST(DecodeQuery, WithoutEscapesNothingIsCopied) {
  std::string scratch = "untouched";
  const std::string_view raw = "plain";
  EXPECT_EQ(decode_query(raw, scratch)->data(), raw.data());
  EXPECT_EQ(scratch, "untouched");
}

TEST(DecodePath, Decodes) {
  EXPECT_EQ(path("/"), "/");
  EXPECT_EQ(path("/a/b"), "/a/b");
  EXPECT_EQ(path("/a%20b+c"), "/a b+c") << "'+' is literal";
  EXPECT_EQ(path("/%C3%A9"), "/\xc3\xa9");
  EXPECT_EQ(path("/a//b/"), "/a//b/");
  EXPECT_EQ(path("/..."), "/...");
  EXPECT_EQ(path("/.a/..b/c."), "/.a/..b/c.");
  EXPECT_EQ(path("/%252e%252e"), "/%2e%2e") << "decoded once, so this is a name";
  EXPECT_EQ(path("/a\\..\\b"), "/a\\..\\b") << "a backslash is no separator";
}

TEST(DecodePath, Refuses) {
  for (const char* raw : {"",
                          "a",
                          "*",
                          "/.",
                          "/..",
                          "/../",
                          "/a/..",
                          "/a/../b",
                          "/a/./b",
                          "/a/.",
                          "/%2e",
                          "/%2E%2e",
                          "/.%2e/b",
                          "/a/%2e%2e/%2e%2e/etc/passwd",
                          "/a%2fb",
                          "/a%2Fb",
                          "/..%2f",
                          "/%2f",
                          "/%",
                          "/%2",
                          "/%zz",
                          "/a%00",
                          "/%00",
                          "/%ff",
                          "/%c0%ae%c0%ae/",
                          "/%e0%80%ae",
                          "/\xff"}) {
    EXPECT_EQ(path(raw), "kBadPath") << raw;
  }
  EXPECT_EQ(path(std::string_view("/a\0", 3)), "kBadPath");
}

TEST(DecodePath, AnEncodedSlashMayBeDecoded) {
  const auto decoded = [](std::string_view raw) {
    std::string scratch;
    const auto path = decode_path(raw, scratch, EncodedSlash::kDecoded);
    return path ? std::string(*path) : std::string(error_info(path.error().code).name);
  };
  EXPECT_EQ(decoded("/a%2Fb%2f"), "/a/b/");
  EXPECT_EQ(decoded("/a%252Fb"), "/a%2Fb");
  for (const char* raw : {"/..%2f", "/a%2F..", "/a%2F..%2Fb", "/a%2f%2E%2e", "/%2F.", "/.%2Fa",
                          "/a%2F%00", "/%2", "%2Fa"}) {
    EXPECT_EQ(decoded(raw), "kBadPath") << raw;
  }
}

TEST(DecodePath, WithoutEscapesNothingIsCopied) {
  std::string scratch = "untouched";
  const std::string_view raw = "/plain+path";
  EXPECT_EQ(decode_path(raw, scratch)->data(), raw.data());
  EXPECT_EQ(scratch, "untouched");
}

std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += '%';
    out += to_hex(as_bytes(std::string_view(&c, 1)));
  }
  return out;
}

RC_GTEST_PROP(DecodeProperty, DecodingUndoesEncoding, (const std::string& text)) {
  const bool allowed = text.find('\0') == std::string::npos && is_utf8(text);
  RC_ASSERT(query(encode(text)) == (allowed ? text : "kBadQuery"));
}

RC_GTEST_PROP(DecodeProperty, NoPathLeavesItsFolder, ()) {
  // From pieces that attacks are made of.
  static const std::vector<std::string> kPieces = {"/",  ".", "..", "%2e", "%2E",   "%2f",   "%5c",
                                                   "\\", "a", "%",  "%00", "%252e", "%c0%ae"};
  std::string raw = "/";
  for (const int index : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 13))) {
    raw += kPieces[static_cast<std::size_t>(index)];
  }
  std::string scratch;
  const auto decoded = decode_path(raw, scratch);
  if (!decoded) return;
  const std::string inside = std::string(*decoded) + "/";
  RC_ASSERT(inside.find("/../") == std::string::npos);
  RC_ASSERT(inside.find("/./") == std::string::npos);
  RC_ASSERT(inside.find('\0') == std::string::npos);
  RC_ASSERT(std::count(raw.begin(), raw.end(), '/') ==
            std::count(decoded->begin(), decoded->end(), '/'));
}

}  // namespace
}  // namespace godwit::http
