#include "capability/clock.h"

#include <gtest/gtest.h>

#include "capability/manual.h"

namespace godwit::capability {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, NowNeverGoesBack) {
  const SystemClock clock;
  TimePoint last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint next = clock.now();
    ASSERT_GE(next, last);
    last = next;
  }
  EXPECT_NE(clock.resolution_ns(), 0u);
}

TEST(SystemClock, RealTimeIsThisCentury) {
  const SystemClock clock;
  EXPECT_GT(clock.realtime_ns(), 1'700'000'000ULL * 1'000'000'000ULL);
  EXPECT_LT(clock.realtime_ns(), 4'100'000'000ULL * 1'000'000'000ULL);
}

TEST(ManualTimers, FireWhatIsDueOnce) {
  ManualClock clock;
  ManualTimers timers(clock);
  CountingWaker early;
  CountingWaker late;
  timers.arm(clock.now() + 10ms, &early);
  const TimerId id = timers.arm(clock.now() + 20ms, &late);
  EXPECT_EQ(timers.next(), clock.now() + 10ms);
  timers.advance(10ms);
  EXPECT_EQ(early.take(), 1);
  EXPECT_EQ(late.take(), 0);
  timers.cancel(id);
  timers.advance(1h);
  EXPECT_EQ(early.take() + late.take(), 0);
  EXPECT_EQ(timers.armed(), 0u);
}

}  // namespace
}  // namespace godwit::capability
