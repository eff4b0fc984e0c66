#include "runtime/purse.h"

#include <gtest/gtest.h>

namespace godwit::runtime {
namespace {

using capability::MemoryBudget;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(Purse, WithoutABudgetGrantsEverything) {
  Purse purse({});
  EXPECT_TRUE(purse.take(~std::uint64_t{0}, 0));
  purse.put(~std::uint64_t{0});
}

// The budget's line is not written by each of many small requests.
TEST(Purse, TakesInStepsAndKeepsLittle) {
  MemoryBudget budget(1024 * kMiB);
  {
    Purse purse({.budget = &budget, .workers = 2});
    ASSERT_EQ(purse.step_bytes(), 4 * kMiB);
    ASSERT_TRUE(purse.take(kMiB, 0));
    EXPECT_EQ(budget.used_bytes(), 4 * kMiB);
    ASSERT_TRUE(purse.take(3 * kMiB, kMiB));
    EXPECT_EQ(budget.used_bytes(), 4 * kMiB);
    ASSERT_TRUE(purse.take(100 * kMiB, 4 * kMiB));
    EXPECT_EQ(budget.used_bytes(), 104 * kMiB);
    purse.put(104 * kMiB);
    EXPECT_EQ(budget.used_bytes(), 4 * kMiB);
  }
  EXPECT_EQ(budget.used_bytes(), 0u) << "the purse is given back with its worker";
}

// What is left is enough for whoever has little, however many take all that they can get.
TEST(Purse, GreedyFunctionsLeaveRoomForAModestOne) {
  MemoryBudget budget(16384 * kMiB);
  Purse first({.budget = &budget, .workers = 2});
  Purse second({.budget = &budget, .workers = 2});
  std::uint64_t taken[3][2] = {};
  bool grown = true;
  while (grown) {
    grown = false;
    for (auto& function : taken) {
      for (int worker = 0; worker < 2; ++worker) {
        Purse& purse = worker == 0 ? first : second;
        if (!purse.take(16 * kMiB, function[worker])) continue;
        function[worker] += 16 * kMiB;
        grown = true;
      }
    }
  }
  EXPECT_GT(budget.free_bytes(), 2048 * kMiB);
  for (const auto& function : taken) EXPECT_GT(function[0] + function[1], 4096 * kMiB);
  EXPECT_TRUE(first.take(128 * kMiB, 0));
  first.put(128 * kMiB);
  for (const auto& function : taken) {
    first.put(function[0]);
    second.put(function[1]);
  }
}

TEST(Purse, ASmallBudgetIsUsableToItsHalfByOne) {
  MemoryBudget budget(256 * kMiB);
  Purse purse({.budget = &budget});
  EXPECT_FALSE(purse.take(129 * kMiB, 0));
  ASSERT_TRUE(purse.take(128 * kMiB, 0));
  EXPECT_FALSE(purse.take(kMiB, 128 * kMiB)) << "the same function";
  EXPECT_TRUE(purse.take(kMiB, 0)) << "another one";
  purse.put(129 * kMiB);
}

// Small budgets are not swallowed by what purses keep.
TEST(Purse, StepsFitTheBudget) {
  MemoryBudget budget(kMiB);
  Purse a({.budget = &budget, .workers = 4});
  Purse b({.budget = &budget, .workers = 4});
  ASSERT_TRUE(a.take(1, 0));
  a.put(1);
  EXPECT_LE(budget.used_bytes(), kMiB / 64);
  EXPECT_TRUE(b.take(kMiB / 4, 0));
  b.put(kMiB / 4);
}

}  // namespace
}  // namespace godwit::runtime
