#include <chrono>

#include <gtest/gtest.h>

#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

using namespace std::chrono_literals;
using engine::HostStatus;

constexpr std::uint64_t kIn = 0x100;
constexpr std::uint64_t kOut = 0x800;
constexpr std::uint64_t kCount = 0x20;
constexpr Timestamp kMs = 1'000'000;

Subscription clock_subscription(std::uint64_t userdata, ClockId id, Timestamp timeout,
                                std::uint16_t flags = 0) {
  Subscription subscription{};
  subscription.userdata = userdata;
  subscription.type = EventType::kClock;
  subscription.clock_or_fd = static_cast<std::uint32_t>(id);
  subscription.timeout = timeout;
  subscription.flags = flags;
  return subscription;
}

Subscription fd_subscription(std::uint64_t userdata, EventType type, std::uint32_t fd) {
  Subscription subscription{};
  subscription.userdata = userdata;
  subscription.type = type;
  subscription.clock_or_fd = fd;
  return subscription;
}

class PollTest : public ::testing::Test {
 protected:
  void subscribe(std::initializer_list<Subscription> subscriptions) {
    count_ = 0;
    for (const Subscription& subscription : subscriptions) {
      host.put(kIn + count_++ * sizeof(Subscription), subscription);
    }
  }
  HostStatus start() { return host.start("poll_oneoff", {kIn, kOut, count_, kCount}); }
  // The events of a poll that ends at once.
  std::vector<Event> events() {
    EXPECT_EQ(start(), HostStatus::kDone);
    EXPECT_EQ(static_cast<Errno>(host.result), Errno::kSuccess);
    std::vector<Event> all;
    for (Size i = 0; i < host.get<Size>(kCount); ++i) {
      all.push_back(host.get<Event>(kOut + i * sizeof(Event)));
    }
    return all;
  }
  // The single event of such a poll.
  Event event() {
    const std::vector<Event> all = events();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Event{} : all.front();
  }

  TestHost host;
  std::uint64_t count_ = 0;
};

TEST_F(PollTest, RelativeTimerFiresOnTimeAndOnce) {
  subscribe({clock_subscription(42, ClockId::kMonotonic, 50 * kMs)});
  ASSERT_EQ(start(), HostStatus::kPending);
  EXPECT_EQ(host.timers.next(), host.clock.now() + 50ms);
  host.timers.advance(50ms);
  ASSERT_EQ(host.waker.take(), 1);
  const Event fired = event();
  EXPECT_EQ(fired.userdata, 42u);
  EXPECT_EQ(fired.error, Errno::kSuccess);
  EXPECT_EQ(fired.type, EventType::kClock);
  EXPECT_EQ(host.timers.armed(), 0u);
}

TEST_F(PollTest, RetryDoesNotStartTheRelativeTimerAgain) {
  subscribe({clock_subscription(1, ClockId::kMonotonic, 50 * kMs),
             fd_subscription(2, EventType::kFdRead, 0)});
  const TimePoint deadline = host.clock.now() + 50ms;
  ASSERT_EQ(start(), HostStatus::kPending);
  for (int i = 0; i < 4; ++i) {  // wake-ups that were somebody else's
    host.timers.advance(10ms);
    ASSERT_EQ(start(), HostStatus::kPending);
    EXPECT_EQ(host.timers.next(), deadline);
    EXPECT_EQ(host.timers.armed(), 1u);
  }
  host.timers.advance(10ms);
  EXPECT_EQ(host.waker.take(), 1);
  EXPECT_EQ(event().userdata, 1u);
  EXPECT_FALSE(host.input.waited_for()) << "nothing is left registered";
}

TEST_F(PollTest, NextPollStartsItsOwnTimer) {
  subscribe({clock_subscription(1, ClockId::kMonotonic, 50 * kMs)});
  ASSERT_EQ(start(), HostStatus::kPending);
  host.timers.advance(60ms);
  ASSERT_EQ(event().userdata, 1u);
  ASSERT_EQ(start(), HostStatus::kPending) << "a new call counts anew";
  EXPECT_EQ(host.timers.next(), host.clock.now() + 50ms);
}

TEST_F(PollTest, EarliestOfSeveralTimers) {
  subscribe({clock_subscription(1, ClockId::kMonotonic, 80 * kMs),
             clock_subscription(2, ClockId::kMonotonic, 20 * kMs),
             clock_subscription(3, ClockId::kRealtime, 20 * kMs)});
  ASSERT_EQ(start(), HostStatus::kPending);
  EXPECT_EQ(host.timers.armed(), 1u) << "one timer for all";
  EXPECT_EQ(host.timers.next(), host.clock.now() + 20ms);
  host.timers.advance(25ms);
  const std::vector<Event> fired = events();
  ASSERT_EQ(fired.size(), 2u);
  EXPECT_EQ(fired[0].userdata, 2u);
  EXPECT_EQ(fired[1].userdata, 3u);
}

TEST_F(PollTest, ZeroTimeoutDoesNotWait) {
  subscribe({clock_subscription(1, ClockId::kMonotonic, 0)});
  EXPECT_EQ(event().userdata, 1u);
  EXPECT_EQ(host.timers.ever_armed(), 0u);
}

TEST_F(PollTest, AbsoluteTimesOfBothClocks) {
  subscribe(
      {clock_subscription(1, ClockId::kMonotonic, kMonotonicStartNs + 30 * kMs, kAbsoluteTime)});
  ASSERT_EQ(start(), HostStatus::kPending);
  EXPECT_EQ(host.timers.next(), host.clock.now() + 30ms);
  host.timers.advance(30ms);
  EXPECT_EQ(event().userdata, 1u);

  subscribe({clock_subscription(2, ClockId::kRealtime, host.clock.realtime_ns() + 40 * kMs,
                                kAbsoluteTime)});
  ASSERT_EQ(start(), HostStatus::kPending);
  EXPECT_EQ(host.timers.next(), host.clock.now() + 40ms);
  host.timers.advance(40ms);
  EXPECT_EQ(event().userdata, 2u);

  subscribe({clock_subscription(3, ClockId::kMonotonic, 1, kAbsoluteTime),
             clock_subscription(4, ClockId::kRealtime, 1, kAbsoluteTime)});
  EXPECT_EQ(events().size(), 2u) << "long past";
}

TEST_F(PollTest, AbsoluteRealTimeFollowsTheMachinesClock) {
  const Timestamp target = host.clock.realtime_ns() + 3'600'000 * kMs;
  subscribe({clock_subscription(1, ClockId::kRealtime, target, kAbsoluteTime)});
  ASSERT_EQ(start(), HostStatus::kPending);
  host.clock.set_realtime_ns(target - 10 * kMs);
  ASSERT_EQ(start(), HostStatus::kPending) << "looked at again at the next wake-up";
  EXPECT_EQ(host.timers.next(), host.clock.now() + 10ms);
}

TEST_F(PollTest, TimesBeyondReckoningSaturate) {
  for (const Timestamp timeout : {1ULL << 63, (1ULL << 63) - 1, ~0ULL}) {
    for (const std::uint16_t flags : {std::uint16_t{0}, kAbsoluteTime}) {
      for (const ClockId id : {ClockId::kRealtime, ClockId::kMonotonic}) {
        subscribe({clock_subscription(1, id, timeout, flags)});
        ASSERT_EQ(start(), HostStatus::kPending);
        EXPECT_GT(host.timers.next(), host.clock.now() + 24h * 365);
        host.timers.advance(1h);
        ASSERT_EQ(start(), HostStatus::kPending);
        // Ends this poll, so that the next one is none of its retries.
        subscribe({clock_subscription(1, ClockId::kMonotonic, 0)});
        EXPECT_EQ(events().size(), 1u);
      }
    }
  }
}

TEST_F(PollTest, ClocksThatCannotBeWaitedFor) {
  subscribe({clock_subscription(1, ClockId::kProcessCpu, kMs),
             clock_subscription(2, ClockId::kThreadCpu, kMs),
             clock_subscription(3, ClockId{4}, kMs),
             clock_subscription(4, ClockId::kMonotonic, 0, 1 << 1)});
  const std::vector<Event> failed = events();
  ASSERT_EQ(failed.size(), 4u);
  EXPECT_EQ(failed[0].error, Errno::kNotsup);
  EXPECT_EQ(failed[1].error, Errno::kNotsup);
  EXPECT_EQ(failed[2].error, Errno::kInval);
  EXPECT_EQ(failed[3].error, Errno::kInval);
}

TEST_F(PollTest, InputThatArrivesWakes) {
  subscribe({fd_subscription(7, EventType::kFdRead, 0)});
  ASSERT_EQ(start(), HostStatus::kPending);
  EXPECT_EQ(host.timers.ever_armed(), 0u);
  host.input.push("abc");
  ASSERT_EQ(host.waker.take(), 1);
  const Event ready = event();
  EXPECT_EQ(ready.userdata, 7u);
  EXPECT_EQ(ready.type, EventType::kFdRead);
  EXPECT_EQ(ready.byte_count, 3u);
  EXPECT_EQ(ready.flags, 0u);
}

TEST_F(PollTest, EndOfInputIsAHangup) {
  host.input.end();
  subscribe({fd_subscription(7, EventType::kFdRead, 0)});
  const Event ready = event();
  EXPECT_EQ(ready.byte_count, 0u);
  EXPECT_EQ(ready.flags, kHangup);
}

TEST_F(PollTest, OutputIsReadyUntilItIsFull) {
  subscribe({fd_subscription(1, EventType::kFdWrite, 1)});
  EXPECT_GE(event().byte_count, 1u);
  ASSERT_EQ(host.write(1, std::string(TestHost::kOutputLimit, 'a')), Errno::kSuccess);
  ASSERT_EQ(start(), HostStatus::kPending);
  host.output.take();
  ASSERT_EQ(host.waker.take(), 1);
  EXPECT_EQ(event().flags, 0u);
  host.output.close();
  EXPECT_EQ(event().flags, kHangup);
}

TEST_F(PollTest, ReadyStreamsBeatTimersAndCancelThem) {
  host.input.push("x");
  subscribe({clock_subscription(1, ClockId::kMonotonic, 10 * kMs),
             fd_subscription(2, EventType::kFdRead, 0),
             fd_subscription(3, EventType::kFdWrite, 2)});
  const std::vector<Event> ready = events();
  ASSERT_EQ(ready.size(), 2u);
  EXPECT_EQ(ready[0].userdata, 2u);
  EXPECT_EQ(ready[1].userdata, 3u);
  EXPECT_EQ(host.timers.armed(), 0u);
}

TEST_F(PollTest, BadDescriptorsAreEventsWithErrors) {
  ASSERT_EQ(host.call("fd_fdstat_set_rights", {2, right::kFdWrite, 0}), Errno::kSuccess);
  subscribe({fd_subscription(1, EventType::kFdRead, 3), fd_subscription(2, EventType::kFdRead, 1),
             fd_subscription(3, EventType::kFdWrite, 0),
             fd_subscription(4, EventType::kFdWrite, 0xFFFFFFFF),
             fd_subscription(5, EventType::kFdWrite, 2)});
  const std::vector<Event> failed = events();
  ASSERT_EQ(failed.size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(failed[i].userdata, i + 1);
    EXPECT_EQ(failed[i].error, Errno::kBadf);
  }
  EXPECT_EQ(failed[4].error, Errno::kNotcapable);
}

TEST_F(PollTest, EventsCarryNoBytesOfTheHost) {
  for (std::uint64_t at = kOut; at < kOut + 64; ++at) host.put(at, std::uint8_t{0xFF});
  subscribe({clock_subscription(0, ClockId::kMonotonic, 0)});
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(host.text(kOut, sizeof(Event)), std::string(sizeof(Event), '\0'));
  EXPECT_EQ(host.get<std::uint8_t>(kOut + sizeof(Event)), 0xFF);
}

TEST_F(PollTest, CountsAndTypesAreJudged) {
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, 0, kCount}), Errno::kInval);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, kMaxSubscriptions + 1, kCount}), Errno::kInval);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, 0xFFFFFFFF, kCount}), Errno::kInval);
  subscribe({fd_subscription(1, EventType::kFdRead, 0), fd_subscription(2, EventType{3}, 0)});
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, 2, kCount}), Errno::kInval);
  EXPECT_FALSE(host.input.waited_for());
}

TEST_F(PollTest, BadPointersAreFaults) {
  const std::uint64_t size = host.size();
  subscribe({clock_subscription(1, ClockId::kMonotonic, 0)});
  EXPECT_EQ(host.call("poll_oneoff", {size - 47, kOut, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kNoPointer, kOut, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, size - 31, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kNoPointer - 31, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, 1, size - 3}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, 1, kNoPointer}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, kOut, kMaxSubscriptions, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("poll_oneoff", {kIn, size - 32, 1, kCount}), Errno::kSuccess);
}

TEST_F(PollTest, MostSubscriptionsAtOnce) {
  TestHost large(std::size_t{1} << 20);
  for (std::uint64_t i = 0; i < kMaxSubscriptions; ++i) {
    large.put(0x1000 + i * sizeof(Subscription), clock_subscription(i, ClockId::kMonotonic, 0));
  }
  const std::uint64_t out = 0x1000 + kMaxSubscriptions * sizeof(Subscription);
  EXPECT_EQ(large.call("poll_oneoff", {0x1000, out, kMaxSubscriptions, 0}), Errno::kSuccess);
  EXPECT_EQ(large.get<Size>(0), kMaxSubscriptions);
  EXPECT_EQ(large.get<Event>(out + (kMaxSubscriptions - 1) * sizeof(Event)).userdata,
            kMaxSubscriptions - 1);
}

TEST_F(PollTest, DestroyedWhileWaitingLeavesNothingBehind) {
  subscribe({clock_subscription(1, ClockId::kMonotonic, 10 * kMs),
             fd_subscription(2, EventType::kFdRead, 0)});
  ASSERT_EQ(start(), HostStatus::kPending);
  host.wasi.reset();
  EXPECT_EQ(host.timers.armed(), 0u);
  EXPECT_FALSE(host.input.waited_for());
}

TEST_F(PollTest, Snapshot0LaysSubscriptionsOutDifferently) {
  snapshot0::Subscription timer{};
  timer.userdata = 9;
  timer.type = EventType::kClock;
  timer.identifier_or_fd = ~0ULL;
  timer.clock_id = 1;
  timer.timeout = 5 * kMs;
  snapshot0::Subscription input{};
  input.userdata = 10;
  input.type = EventType::kFdRead;
  input.identifier_or_fd = 0xABCD'0000'0000;  // the descriptor is the low half
  host.put(kIn, timer);
  host.put(kIn + sizeof(timer), input);
  const auto poll = [&] {
    return host.start("poll_oneoff", {kIn, kOut, 2, kCount}, snapshot0_functions());
  };
  ASSERT_EQ(poll(), HostStatus::kPending);
  EXPECT_EQ(host.timers.next(), host.clock.now() + 5ms);
  EXPECT_TRUE(host.input.waited_for());
  host.timers.advance(5ms);
  ASSERT_EQ(poll(), HostStatus::kDone);
  EXPECT_EQ(host.get<Size>(kCount), 1u);
  EXPECT_EQ(host.get<Event>(kOut).userdata, 9u);
}

}  // namespace
}  // namespace godwit::wasi
