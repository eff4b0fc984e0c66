#include "manifest/nearest_key.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace godwit::manifest {
namespace {

TEST(NearestKey, CountsEdits) {
  EXPECT_EQ(edit_distance("memory", "memory"), 0u);
  EXPECT_EQ(edit_distance("memroy", "memory"), 1u);  // neighbours swapped
  EXPECT_EQ(edit_distance("memry", "memory"), 1u);
  EXPECT_EQ(edit_distance("memoryy", "memory"), 1u);
  EXPECT_EQ(edit_distance("Content_Type", "content-type"), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance(std::string(100'000, 'a'), ""), 64u);
}

TEST(NearestKey, FindsWhatWasMeant) {
  constexpr std::array<std::string_view, 3> kKnown = {"memory", "cpu", "response-body"};
  EXPECT_EQ(nearest_key("memroy", kKnown), "memory");
  EXPECT_EQ(nearest_key("cpus", kKnown), "cpu");
  EXPECT_EQ(nearest_key("responsebody", kKnown), "response-body");
  EXPECT_EQ(nearest_key("banana", kKnown), "");
  EXPECT_EQ(nearest_key("", kKnown), "");
}

}  // namespace
}  // namespace godwit::manifest
