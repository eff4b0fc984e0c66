#include "server/pace.h"

#include <gtest/gtest.h>

namespace godwit::server {
namespace {

using namespace std::chrono_literals;

constexpr Pace::Terms kTerms{.patience = 30s, .min_rate_bytes = 240};
constexpr TimePoint kStart{1000s};

TEST(Pace, NothingMovesForAsLongAsThePatience) {
  Pace pace;
  pace.start(kTerms);
  EXPECT_FALSE(pace.waiting());
  pace.wait(kStart);
  EXPECT_TRUE(pace.waiting());
  EXPECT_EQ(pace.due(), kStart + 30s);
  pace.wait(kStart + 5s);  // it is waited for already
  EXPECT_EQ(pace.due(), kStart + 30s);
}

TEST(Pace, TheLeastRateGoesOnForEver) {
  Pace pace;
  pace.start(kTerms);
  TimePoint now = kStart;
  pace.wait(now);
  for (int i = 0; i < 10'000; ++i) {
    now += 1s;
    ASSERT_LT(now, pace.due());
    pace.moved(240, now);
  }
}

TEST(Pace, AByteNowAndThenBuysNoTime) {
  for (const auto gap : {1s, 10s, 29s}) {
    Pace pace;
    pace.start(kTerms);
    TimePoint now = kStart;
    pace.wait(now);
    while (now < pace.due()) {
      now += gap;
      if (now < pace.due()) pace.moved(1, now);
    }
    EXPECT_LE(pace.due(), kStart + 31s) << gap.count();
  }
}

// A good start is no licence to stop.
TEST(Pace, WhatCameFastIsNotSavedUp) {
  Pace pace;
  pace.start(kTerms);
  pace.wait(kStart);
  pace.moved(1'000'000'000, kStart + 1s);
  EXPECT_EQ(pace.due(), kStart + 31s);
  pace.moved(~std::uint64_t{0}, kStart + 2s);
  EXPECT_EQ(pace.due(), kStart + 32s);
}

TEST(Pace, TimeInWhichItWaitsForUsDoesNotCount) {
  Pace pace;
  pace.start(kTerms);
  pace.wait(kStart);
  pace.pause(kStart + 10s);
  pace.pause(kStart + 15s);
  pace.moved(240, kStart + 20s);  // while it was not waited for
  pace.wait(kStart + 1000s);
  EXPECT_EQ(pace.due(), kStart + 1000s + 21s);
}

TEST(Pace, WithoutALeastRateAnyByteWillDo) {
  Pace pace;
  pace.start({.patience = 30s, .min_rate_bytes = 0});
  pace.wait(kStart);
  pace.moved(0, kStart + 10s);
  EXPECT_EQ(pace.due(), kStart + 30s);
  pace.moved(1, kStart + 29s);
  EXPECT_EQ(pace.due(), kStart + 59s);
}

TEST(Pace, AFreshStartForgetsWhatWas) {
  Pace pace;
  pace.start(kTerms);
  pace.wait(kStart);
  pace.start(kTerms);
  EXPECT_FALSE(pace.waiting());
  pace.wait(kStart + 100s);
  EXPECT_EQ(pace.due(), kStart + 130s);
}

}  // namespace
}  // namespace godwit::server
