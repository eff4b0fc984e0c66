#include "cli/route_choice.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"

namespace godwit::cli {
namespace {

using Patterns = std::vector<std::string>;

gateway::Route route(const std::string& name, const Patterns& patterns) {
  gateway::Route made;
  made.name = name;
  for (const std::string& text : patterns) {
    auto pattern = gateway::RoutePattern::parse(text);
    CHECK(pattern.has_value(), text);
    made.patterns.push_back(std::move(*pattern));
  }
  return made;
}

// Each candidate with its versions, best first.
std::vector<RouteChoice> choose(const std::vector<std::vector<Patterns>>& versions) {
  std::vector<RouteCandidate> candidates;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    RouteCandidate candidate;
    for (const Patterns& patterns : versions[i]) {
      candidate.routes.push_back(route("f" + std::to_string(i), patterns));
    }
    candidates.push_back(std::move(candidate));
  }
  return choose_routes(candidates);
}

TEST(RouteChoice, WithoutConflictsEverybodyGetsTheBest) {
  for (const RouteChoice& choice : choose({{{"/a"}, {"/x"}}, {{"/b"}}, {{"/{any}"}}})) {
    EXPECT_EQ(choice.index, 0u);
    EXPECT_FALSE(choice.conflict);
  }
  EXPECT_TRUE(choose({}).empty());
}

TEST(RouteChoice, WhoComesFirstKeepsItsRequests) {
  const auto choices = choose({{{"/a"}}, {{"/a"}}, {{"/b"}}});
  EXPECT_EQ(choices[0].index, 0u);
  EXPECT_FALSE(choices[1].index);
  ASSERT_TRUE(choices[1].conflict);
  EXPECT_EQ(choices[1].conflict->code, ErrorCode::kRouteConflict);
  EXPECT_EQ(choices[2].index, 0u);
}

TEST(RouteChoice, WhoLosesFallsBackToWhatItHad) {
  const auto choices = choose({{{"/a"}}, {{"/b", "/a"}, {"/b"}}});
  EXPECT_EQ(choices[1].index, 1u);
  ASSERT_TRUE(choices[1].conflict);
  EXPECT_EQ(choices[1].conflict->code, ErrorCode::kRouteConflict);
}

TEST(RouteChoice, AFallBackThatConflictsTooIsNotServed) {
  const auto choices = choose({{{"/a"}}, {{"/b"}}, {{"/a"}, {"/b"}}});
  EXPECT_FALSE(choices[2].index);
}

TEST(RouteChoice, WhoIsNotServedTakesNothingFromOthers) {
  // The second loses against the first; the third is in conflict with the second alone.
  const auto choices = choose({{{"/a"}}, {{"/a", "/b"}}, {{"/b"}}});
  EXPECT_FALSE(choices[1].index);
  EXPECT_EQ(choices[2].index, 0u);
  EXPECT_FALSE(choices[2].conflict);
}

TEST(RouteChoice, AConflictWithinOneFunctionIsItsOwn) {
  const auto choices = choose({{{"/x/{a}", "/{b}/y"}}, {{"/b"}}});
  EXPECT_FALSE(choices[0].index);
  EXPECT_EQ(choices[1].index, 0u);
}

TEST(RouteChoice, ManyConflictsEnd) {
  const std::vector<std::vector<Patterns>> all(300, {{"/a", "/b"}, {"/a"}, {"/b"}});
  const auto choices = choose(all);
  EXPECT_EQ(choices[0].index, 0u);
  for (std::size_t i = 1; i < choices.size(); ++i) EXPECT_FALSE(choices[i].index) << i;
}

}  // namespace
}  // namespace godwit::cli
