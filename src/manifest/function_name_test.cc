#include "manifest/function_name.h"

#include <string>

#include <gtest/gtest.h>

namespace godwit::manifest {
namespace {

TEST(FunctionName, Segments) {
  for (const char* const good : {"a", "9", "greet", "Greet-2_x.y", "a..b"}) {
    EXPECT_TRUE(is_function_segment(good)) << good;
  }
  for (const char* const bad :
       {"", ".", "..", ".hidden", "-x", "_x", "a b", "a/b", "a%2f", "ä", "a\n", "a\\b", "~a"}) {
    EXPECT_FALSE(is_function_segment(bad)) << bad;
  }
  EXPECT_FALSE(is_function_segment(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_function_segment(std::string(63, 'x')));
  EXPECT_FALSE(is_function_segment(std::string(64, 'x')));
}

TEST(FunctionName, NestedNames) {
  EXPECT_TRUE(is_function_name("shop/cart"));
  EXPECT_TRUE(is_function_name("1/2/3/4/5/6/7/8/9"));
  EXPECT_FALSE(is_function_name("1/2/3/4/5/6/7/8/9/10"));
  for (const char* const bad : {"", "/", "/a", "a/", "a//b", "a/../b", "a/./b", "../etc"}) {
    EXPECT_FALSE(is_function_name(bad)) << bad;
  }
}

TEST(FunctionName, Patterns) {
  for (const char* const good : {"*", "/", "cart", "shop/cart", "shop/*", "shop/deep/*"}) {
    EXPECT_TRUE(is_function_pattern(good)) << good;
  }
  for (const char* const bad : {"", "/*", "*/x", "sh*", "shop*", "shop/**", "shop/*/x", "../*",
                                "shop/", "**", "/shop", "//"}) {
    EXPECT_FALSE(is_function_pattern(bad)) << bad;
  }
}

TEST(FunctionName, TheMoreSpecificPatternRanksHigher) {
  EXPECT_EQ(pattern_rank("shop/cart", "shop/cart"), kExactRank);
  EXPECT_GT(pattern_rank("shop/deep/*", "shop/deep/x"), pattern_rank("shop/*", "shop/deep/x"));
  EXPECT_GT(pattern_rank("shop/*", "shop/deep/x"), pattern_rank("*", "shop/deep/x"));
  EXPECT_EQ(pattern_rank("*", ""), 1u);
  EXPECT_EQ(pattern_rank("/", ""), kExactRank);
  EXPECT_EQ(pattern_rank("/", "x"), 0u);
  EXPECT_EQ(pattern_rank("shop/*", "shop"), 0u);
  EXPECT_EQ(pattern_rank("shop/*", "shopping/cart"), 0u);
  EXPECT_EQ(pattern_rank("shop", "shop/cart"), 0u);
}

}  // namespace
}  // namespace godwit::manifest
