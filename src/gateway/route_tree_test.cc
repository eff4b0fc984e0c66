// How much a search does. What it finds is tested through the table: route_table_test.cc,
// route_property_test.cc.
#include "gateway/route_tree.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::gateway {
namespace {

// A tree in which every prefix of literals and wildcards stands, so that a search that tries all of
// them meets each node once, and never more.
TEST(RouteTree, SearchesAreBoundedByTheTree) {
  constexpr unsigned kLevels = 10;
  std::vector<RoutePattern> patterns;
  for (unsigned mask = 0; mask < 1u << kLevels; ++mask) {
    std::string text;
    for (unsigned level = 0; level < kLevels; ++level) {
      text += (mask >> level & 1) != 0 ? "/a" : "/{w" + std::to_string(level) + "}";
    }
    auto pattern = RoutePattern::parse(text + "/leaf" + std::to_string(mask));
    ASSERT_TRUE(pattern);
    patterns.push_back(std::move(*pattern));
  }
  RouteIndex index;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    ASSERT_TRUE(index.conflicts_of(patterns[i]).empty());
    index.add(patterns[i], static_cast<RouteIndex::Id>(i));
  }
  const RouteTree tree(index);
  std::string prefix;
  for (unsigned level = 0; level < kLevels; ++level) prefix += "/a";
  std::string far;
  for (int i = 0; i < 2000; ++i) far += "/a";
  for (const std::string& raw : {prefix + "/none", prefix + "/leaf0", prefix + "/", prefix, far,
                                 prefix + "/" + std::string(7000, 'x'), prefix + "//"}) {
    RoutePath path;
    ASSERT_TRUE(path.parse(raw));
    const auto found = tree.find({.host = "h", .method = "HEAD", .path = path});
    EXPECT_LE(found.steps, tree.nodes()) << raw;
    EXPECT_EQ(found.pattern == 0, raw == prefix + "/leaf0") << raw;
  }
}

// However deep and wide: a path without wildcards beside it takes a step per segment.
TEST(RouteTree, AFolderOfFunctionsTakesAStepPerSegment) {
  std::vector<RoutePattern> patterns;
  for (int i = 0; i < 10'000; ++i) {
    const std::string path = "/shop/function-" + std::to_string(i);
    patterns.push_back(RoutePattern::exactly(path));
    patterns.push_back(RoutePattern::below(path));
  }
  RouteIndex index;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    index.add(patterns[i], static_cast<RouteIndex::Id>(i));
  }
  const RouteTree tree(index);
  RoutePath path;
  for (std::size_t i = 0; i < patterns.size(); i += 2) {
    ASSERT_TRUE(path.parse(patterns[i].text()));
    const auto found = tree.find({.host = "h", .method = "GET", .path = path});
    ASSERT_EQ(found.pattern, i);
    ASSERT_EQ(found.steps, 3u);
  }
  ASSERT_TRUE(path.parse("/shop/function-77/a/b/c/d/e"));
  EXPECT_EQ(tree.find({.host = "h", .method = "GET", .path = path}).pattern, 155u);
  EXPECT_EQ(tree.find({.host = "h", .method = "GET", .path = path}).steps, 3u);
  for (const char* raw : {"/shop/function-", "/shop/function-10000", "/shop/function-999x",
                          "/shop/function", "/shop/functiom-1", "/shop/function-1%2F"}) {
    ASSERT_TRUE(path.parse(raw));
    EXPECT_EQ(tree.find({.host = "h", .method = "GET", .path = path}).pattern, RouteTree::kNone);
  }
}

}  // namespace
}  // namespace godwit::gateway
