#include "engines/wasmtime/text.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::engines::wasmtime {
namespace {

TEST(Text, ThereAndBack) {
  const auto binary = text_to_binary("(module (func (export \"_start\")))");
  ASSERT_TRUE(binary.has_value()) << binary.error().text();
  EXPECT_EQ(as_text(*binary).substr(0, 4), std::string_view("\0asm", 4));
  const auto text = binary_to_text(*binary);
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(*text, testing::HasSubstr("(export \"_start\""));
  EXPECT_EQ(text_to_binary(*text).value(), *binary);
}

TEST(Text, AnErrorNamesLineAndColumn) {
  const auto binary = text_to_binary("(module\n  (func (i32.konst 1)))");
  ASSERT_FALSE(binary.has_value());
  EXPECT_EQ(binary.error().code, ErrorCode::kTextMalformed);
  EXPECT_THAT(binary.error().detail, testing::StartsWith("2:10: "));
}

TEST(Text, WhatIsNotUtf8IsRefused) {
  const auto binary = text_to_binary("(module \xff)");
  ASSERT_FALSE(binary.has_value());
  EXPECT_EQ(binary.error().code, ErrorCode::kTextMalformed);
}

TEST(Text, HostileInputIsRefusedNotFollowed) {
  EXPECT_FALSE(text_to_binary(std::string(1 << 20, '(')).has_value());
  EXPECT_FALSE(text_to_binary(std::string(1 << 20, '\0')).has_value());
  EXPECT_FALSE(binary_to_text({}).has_value());
  const auto text =
      binary_to_text(as_bytes(std::string_view("\0asm\1\0\0\0\1\xff\xff\xff\xff\x0f", 14)));
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kModuleMalformed);
}

}  // namespace
}  // namespace godwit::engines::wasmtime
