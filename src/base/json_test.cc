#include "base/json.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace godwit {
namespace {

using namespace std::string_view_literals;

std::string json_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, EscapesWhatJsonDemands) {
  EXPECT_EQ(json_of(""), "\"\"");
  EXPECT_EQ(json_of("plain / text"), "\"plain / text\"");
  EXPECT_EQ(json_of("say \"hi\""), "\"say \\\"hi\\\"\"");
  EXPECT_EQ(json_of("a\\b"), "\"a\\\\b\"");
  EXPECT_EQ(json_of("1\n2\r3\t4"), "\"1\\n2\\r3\\t4\"");
  EXPECT_EQ(json_of("\0\x01\x1F\x7F"sv), "\"\\u0000\\u0001\\u001f\\u007f\"");
  EXPECT_EQ(json_of("\x1B[31m"), "\"\\u001b[31m\"");
}

TEST(JsonString, KeepsUtf8AndReplacesTheRest) {
  EXPECT_EQ(json_of("\xC3\xA9 \xF0\x9F\x90\xA6"), "\"\xC3\xA9 \xF0\x9F\x90\xA6\"");
  EXPECT_EQ(json_of("a\xFFz"), "\"a\\ufffdz\"");
  EXPECT_EQ(json_of("\xED\xA0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
  EXPECT_EQ(json_of("cut\xE2\x82"), "\"cut\\ufffd\\ufffd\"");
  EXPECT_EQ(json_of("\xC3\""), "\"\\ufffd\\\"\"");
}

TEST(JsonString, Appends) {
  std::string out = "{\"k\":";
  append_json_string(out, "v");
  EXPECT_EQ(out, "{\"k\":\"v\"");
}

// Whatever goes in: valid UTF-8 comes out, no control character, and no quote but the two that
// close it.
TEST(JsonString, AnyBytesMakeOneValidString) {
  std::mt19937 random(2);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 12, '\0');
    for (char& c : text)
      c = static_cast<char>(random() % 4 == 0 ? "\"\\\n\xC3"[random() % 4]
                                              : static_cast<int>(random() % 256));
    const std::string out = json_of(text);
    ASSERT_TRUE(is_utf8(out)) << to_hex(as_bytes(text));
    ASSERT_GE(out.size(), 2u);
    const std::string_view inside = std::string_view(out).substr(1, out.size() - 2);
    for (std::size_t i = 0; i < inside.size(); ++i) {
      ASSERT_GE(static_cast<unsigned char>(inside[i]), 0x20) << to_hex(as_bytes(text));
      ASSERT_NE(inside[i], '"') << to_hex(as_bytes(text));
      if (inside[i] == '\\') {
        ++i;
        ASSERT_LT(i, inside.size()) << to_hex(as_bytes(text));
      }
    }
    ASSERT_LE(out.size(), 6 * text.size() + 2);  // gateway/problem.h counts on it
  }
}

}  // namespace
}  // namespace godwit
