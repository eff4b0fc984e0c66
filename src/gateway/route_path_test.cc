#include "gateway/route_path.h"

#include <string>

#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

std::string cut(std::string_view raw) {
  RoutePath path;
  if (const auto parsed = path.parse(raw); !parsed) {
    return std::string(error_info(parsed.error().code).name);
  }
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) text += "[" + std::string(path.segment(i)) + "]";
  return text;
}

TEST(RoutePath, IsCutAtTheSlashesThatWereSent) {
  EXPECT_EQ(cut("/"), "[]");
  EXPECT_EQ(cut("/a"), "[a]");
  EXPECT_EQ(cut("/a/"), "[a][]");
  EXPECT_EQ(cut("/a/b/c"), "[a][b][c]");
  EXPECT_EQ(cut("//a//"), "[][a][][]");
  EXPECT_EQ(cut("/a%2Fb/c"), "[a/b][c]");
  EXPECT_EQ(cut("/%2F/%2f"), "[/][/]");
  EXPECT_EQ(cut("/%41%42/%43/d%20/%C3%A9/"), "[AB][C][d ][\xC3\xA9][]");
  EXPECT_EQ(cut("/%252F/a+b"), "[%2F][a+b]");
}

TEST(RoutePath, RefusesWhatDecodePathRefuses) {
  for (const char* raw : {"", "*", "a", "/..", "/a/./b", "/%2e%2e/b", "/a%00", "/%", "/%ff",
                          "/a%2F..", "/..%2Fa", "/a%2F%2e%2e%2Fb"}) {
    EXPECT_EQ(cut(raw), "kBadPath") << raw;
  }
}

TEST(RoutePath, BeforeAndFromASegment) {
  RoutePath path;
  const std::string raw = "/a%20b/c%2Fd//e/";
  ASSERT_TRUE(path.parse(raw));
  EXPECT_EQ(path.text(), "/a b/c/d//e/");
  EXPECT_EQ(path.raw(), raw);
  EXPECT_TRUE(path.has_encoded_slash());
  EXPECT_TRUE(path.ends_with_slash());
  EXPECT_EQ(path.before(0), "");
  EXPECT_EQ(path.from(0), "/a b/c/d//e/");
  EXPECT_EQ(path.before(2), "/a b/c/d");
  EXPECT_EQ(path.from(2), "//e/");
  EXPECT_EQ(path.from(4), "/");
  EXPECT_EQ(path.from(5), "");
  EXPECT_EQ(path.before(5), path.text());
  ASSERT_TRUE(path.parse("/x%2F"));
  EXPECT_FALSE(path.ends_with_slash());
  ASSERT_TRUE(path.parse("/x"));
  EXPECT_FALSE(path.has_encoded_slash());
  EXPECT_FALSE(path.ends_with_slash());
}

TEST(RoutePath, ALongPathIsTextBeyondItsBound) {
  std::string raw;
  for (int i = 0; i < 4000; ++i) raw += "/%61";
  RoutePath path;
  ASSERT_TRUE(path.parse(raw));
  EXPECT_EQ(path.size(), RoutePath::kMaxSegments);
  EXPECT_EQ(path.segment(RoutePath::kMaxSegments - 1), "a");
  EXPECT_EQ(path.text().size(), 8000u);
  EXPECT_EQ(path.from(RoutePath::kMaxSegments).size(), 8000 - 2 * RoutePath::kMaxSegments);
  ASSERT_TRUE(path.parse(std::string(8000, '/')));
  EXPECT_EQ(path.size(), RoutePath::kMaxSegments);
  EXPECT_EQ(path.segment(64), "");
}

TEST(RoutePath, ARefusedPathLeavesNothingOfTheOneBefore) {
  RoutePath path;
  ASSERT_TRUE(path.parse("/secret%2F"));
  ASSERT_FALSE(path.parse("/.."));
  EXPECT_EQ(path.size(), 0u);
  EXPECT_EQ(path.text(), "");
  EXPECT_FALSE(path.has_encoded_slash());
}

}  // namespace
}  // namespace godwit::gateway
