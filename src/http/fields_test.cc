#include "http/fields.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/ascii.h"

namespace godwit::http {
namespace {

TEST(Ascii, TokensAndValues) {
  EXPECT_TRUE(is_token("Content-Type"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a:"));
  EXPECT_FALSE(is_token("\xc3\xa9"));
  EXPECT_TRUE(is_field_value(""));
  EXPECT_TRUE(is_field_value("a \t b\xff"));
  EXPECT_FALSE(is_field_value(" a"));
  EXPECT_FALSE(is_field_value("a\t"));
  EXPECT_FALSE(is_field_value("a\r\nb"));
  EXPECT_FALSE(is_field_value("a\nb"));
  EXPECT_FALSE(is_field_value(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_field_value("a\x7f"));
}

TEST(Ascii, CaseAndSpace) {
  EXPECT_TRUE(equals_ignoring_case("Host", "hOST"));
  EXPECT_FALSE(equals_ignoring_case("Host", "Hos"));
  EXPECT_FALSE(equals_ignoring_case("@", "`")) << "only letters differ by case";
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  EXPECT_EQ(trim_ows(" \t a b \t"), "a b");
  EXPECT_EQ(trim_ows(" \t"), "");
  EXPECT_EQ(hex_value('f'), 15);
  EXPECT_EQ(hex_value('A'), 10);
  EXPECT_EQ(hex_value('g'), -1);
  EXPECT_EQ(hex_value('\xff'), -1);
}

TEST(Fields, OrderAndDuplicatesAreKept) {
  Fields fields;
  ASSERT_TRUE(fields.append("Set-Cookie", "a"));
  ASSERT_TRUE(fields.append("X", "b"));
  ASSERT_TRUE(fields.append("set-cookie", "c"));
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0].value, "a");
  EXPECT_EQ(fields[2].name, "set-cookie") << "as it was given";
  EXPECT_EQ(fields.get("SET-COOKIE"), "a") << "the first";
  EXPECT_EQ(fields.count("Set-Cookie"), 2U);
  EXPECT_FALSE(fields.get("Y").has_value());
  EXPECT_TRUE(fields.contains("x"));
}

TEST(Fields, AppendCopiesAndTheCopyNeverMoves) {
  Fields fields({.max_count = 3000, .max_bytes = std::size_t{1} << 20});
  std::string name = "name";
  std::string value = "value";
  ASSERT_TRUE(fields.append(name, value));
  const std::string_view kept = fields[0].value;
  value = "other";
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(fields.append("n" + std::to_string(i), "some value"));
  EXPECT_EQ(kept, "value");
  EXPECT_EQ(fields[0].value.data(), kept.data());
  const Fields moved = std::move(fields);
  EXPECT_EQ(moved[0].value.data(), kept.data());
  EXPECT_EQ(moved.get("n1999"), "some value");
}

TEST(Fields, AppendViewDoesNotCopy) {
  Fields fields;
  const std::string value = "value";
  ASSERT_TRUE(fields.append_view("name", value));
  EXPECT_EQ(fields[0].value.data(), value.data());
}

TEST(Fields, LimitsAreExactAndAddNothing) {
  Fields fields({.max_count = 2, .max_bytes = 10});
  EXPECT_FALSE(fields.append("name", "1234567"));
  EXPECT_TRUE(fields.empty());
  EXPECT_TRUE(fields.append("name", "123456"));
  EXPECT_EQ(fields.bytes(), 10U);
  EXPECT_FALSE(fields.append("x", ""));
  EXPECT_TRUE(fields.append("", ""));
  EXPECT_FALSE(fields.append("", "")) << "the count";
  fields.clear();
  EXPECT_TRUE(fields.append("name", "123456"));
}

TEST(Fields, RemovedOnesGoOnCounting) {
  Fields fields({.max_count = 10, .max_bytes = 10});
  ASSERT_TRUE(fields.append("a", "1234"));
  EXPECT_EQ(fields.remove("A"), 1U);
  EXPECT_EQ(fields.remove("A"), 0U);
  EXPECT_TRUE(fields.empty());
  EXPECT_TRUE(fields.append("a", "1234"));
  EXPECT_FALSE(fields.append("a", "")) << "else append and remove would grow without end";
}

TEST(Fields, ClearedOnesAreGone) {
  Fields fields;
  ASSERT_TRUE(fields.append("a", "b"));
  fields.clear();
  EXPECT_TRUE(fields.empty());
  EXPECT_EQ(fields.bytes(), 0U);
  EXPECT_FALSE(fields.contains("a"));
}

}  // namespace
}  // namespace godwit::http
