#include "base/check.h"

#include <string>

#include <gtest/gtest.h>

namespace godwit {
namespace {

TEST(Check, WhatHoldsCostsNothingVisible) {
  int evaluated = 0;
  CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(Check, OperandsOfWhatHoldsAreNotFormatted) {
  int formatted = 0;
  const auto expensive = [&] { return ++formatted; };
  CHECK(true, expensive());
  EXPECT_EQ(formatted, 0);
}

TEST(CheckDeathTest, PrintsPlaceConditionAndOperandsAndAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int left = 41;
  const std::string right = "forty-two";
  EXPECT_EXIT(CHECK(left == 42, left, right), testing::KilledBySignal(SIGABRT),
              "godwit: CHECK failed at .*check_test.cc:[0-9]+: left == 42 \\[41 forty-two \\]");
}

TEST(CheckDeathTest, WithoutOperands) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(CHECK(1 > 2), testing::KilledBySignal(SIGABRT), "CHECK failed at .*: 1 > 2 \\[\\]");
}

// An `if` around it keeps its own `else`.
TEST(Check, IsOneStatement) {
  bool reached = false;
  if (reached)
    CHECK(false);
  else
    reached = true;
  EXPECT_TRUE(reached);
}

}  // namespace
}  // namespace godwit
