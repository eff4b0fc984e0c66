// Clocks, random bytes, proc_exit, proc_raise, sched_yield.
#include <chrono>

#include <gtest/gtest.h>

#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

using namespace std::chrono_literals;
using engine::HostStatus;

constexpr std::uint64_t kOut = 0x40;

TEST(Clocks, ShowTheTimeOfTheInvocation) {
  TestHost host;
  ASSERT_EQ(host.call("clock_time_get", {1, 0, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<Timestamp>(kOut), kMonotonicStartNs) << "not 0: Go refuses that";
  host.timers.advance(5ms);
  ASSERT_EQ(host.call("clock_time_get", {1, 0, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<Timestamp>(kOut), kMonotonicStartNs + 5'000'000);
  ASSERT_EQ(host.call("clock_time_get", {0, 1'000'000, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<Timestamp>(kOut), capability::ManualClock::kStartRealtimeNs + 5'000'000);
  for (const std::uint64_t cpu : {2, 3}) {
    ASSERT_EQ(host.call("clock_time_get", {cpu, 0, kOut}), Errno::kSuccess);
    EXPECT_EQ(host.get<Timestamp>(kOut), 5'000'000u);
  }
}

TEST(Clocks, ResolutionIsNotZero) {
  TestHost host;
  for (const std::uint64_t id : {0, 1, 2, 3}) {
    host.put(kOut, Timestamp{0});
    ASSERT_EQ(host.call("clock_res_get", {id, kOut}), Errno::kSuccess);
    EXPECT_EQ(host.get<Timestamp>(kOut), 1u);
  }
}

TEST(Clocks, UnknownClocksAndBadPointers) {
  TestHost host;
  for (const std::uint64_t id : {4ULL, 5ULL, 0xFFFFFFFFULL}) {
    EXPECT_EQ(host.call("clock_time_get", {id, 0, kOut}), Errno::kInval);
    EXPECT_EQ(host.call("clock_res_get", {id, kOut}), Errno::kInval);
  }
  for (const std::uint64_t bad : {host.size() - 7, host.size(), kNoPointer, kNoPointer - 7}) {
    EXPECT_EQ(host.call("clock_time_get", {0, 0, bad}), Errno::kFault);
    EXPECT_EQ(host.call("clock_res_get", {0, bad}), Errno::kFault);
  }
  EXPECT_EQ(host.call("clock_time_get", {0, 0, host.size() - 8}), Errno::kSuccess);
}

TEST(RandomGet, FillsExactlyWhatWasAsked) {
  TestHost host(65536);
  ASSERT_EQ(host.call("random_get", {0x100, 10'000}), Errno::kSuccess);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(host.get<std::uint8_t>(0x100 + i), static_cast<std::uint8_t>(i));
  }
  EXPECT_EQ(host.get<std::uint8_t>(0xFF), 0u);
  EXPECT_EQ(host.get<std::uint8_t>(0x100 + 10'001), 0u);
  EXPECT_EQ(host.call("random_get", {host.size() - 1, 1}), Errno::kSuccess);
  EXPECT_EQ(host.call("random_get", {host.size(), 0}), Errno::kSuccess);
}

TEST(RandomGet, HostileLengthsCostNothing) {
  TestHost host(std::size_t{8} << 20);
  EXPECT_EQ(host.call("random_get", {0, host.size() + 1}), Errno::kFault);
  EXPECT_EQ(host.call("random_get", {0, 0x80000000}), Errno::kFault);
  EXPECT_EQ(host.call("random_get", {0, 0xFFFFFFFF}), Errno::kFault);
  EXPECT_EQ(host.call("random_get", {host.size() - 1, 2}), Errno::kFault);
  EXPECT_EQ(host.call("random_get", {kNoPointer, 1}), Errno::kFault);
  EXPECT_EQ(host.call("random_get", {kNoPointer, 16}), Errno::kFault);
  EXPECT_EQ(host.random.filled(), 0u);
}

TEST(RandomGet, LargeRequestsAreFilledInPiecesBetweenWhichTheGuestGivesWay) {
  constexpr std::size_t kPieces = 4;
  TestHost host(kPieces * kMaxRandomPieceBytes);
  for (std::size_t i = 1; i < kPieces; ++i) {
    // A piece, then perhaps a turn without one: the slice's share was used up.
    ASSERT_EQ(host.start("random_get", {0, host.size()}), engine::HostStatus::kPending);
    ASSERT_EQ(host.waker.take(), 1) << "it goes on by itself";
    ASSERT_LE(host.random.filled(), i * kMaxRandomPieceBytes);
  }
  int turns = 0;
  while (host.start("random_get", {0, host.size()}) == engine::HostStatus::kPending) {
    ASSERT_LT(++turns, 10);
  }
  EXPECT_EQ(host.random.filled(), host.size());
  EXPECT_EQ(host.get<std::uint8_t>(host.size() - 1), static_cast<std::uint8_t>(host.size() - 1));
}

// Of WASI 0.3, where a number is asked for while a listing or a read waits: what that remembers is
// neither taken for this call's nor forgotten.
TEST(RandomGet, SmallOnesLeaveAloneWhatAnotherCallRemembers) {
  TestHost host(65536);
  for (const std::size_t remembered : {4U, 8U, 5000U, 100'000U}) {
    host.wasi->remember_progress({.size = remembered, .cookie = 7});
    const std::size_t before = host.random.filled();
    ASSERT_EQ(host.call("random_get", {0x100, 8}), Errno::kSuccess);
    EXPECT_EQ(host.random.filled() - before, 8u);
    EXPECT_EQ(host.wasi->progress().size, remembered);
    EXPECT_EQ(host.wasi->progress().cookie, 7u);
    // Nor does a large one begin behind its end.
    EXPECT_NE(host.start("random_get", {0x100, 5000}), engine::HostStatus::kTrap);
    EXPECT_LE(host.random.filled() - before, 8u + 5000u);
    host.wasi->stop_waiting();
  }
}

// Epochs interrupt loops, not host calls: a program that is nothing but calls gives way too.
TEST(RandomGet, ManyCallsInOneSliceGiveWay) {
  TestHost host;
  int calls = 0;
  while (host.start("random_get", {0, 4096}) == engine::HostStatus::kDone) ASSERT_LT(++calls, 1000);
  EXPECT_EQ(host.waker.take(), 1);
  EXPECT_EQ(host.call("random_get", {0, 4096}), Errno::kSuccess) << "with a new share";
}

TEST(ProcExit, TakesAnyCode) {
  TestHost host;
  for (const std::int64_t code : {0L, 3L, 125L, 126L, 255L, 256L, -1L}) {
    EXPECT_EQ(host.start("proc_exit", {static_cast<std::uint32_t>(code)}), HostStatus::kExit);
    EXPECT_EQ(host.exit_code, code);
  }
}

TEST(ProcRaise, TerminatesIgnoresOrRefuses) {
  TestHost host;
  constexpr std::uint64_t kAbort = 6;
  constexpr std::uint64_t kPipe = 13;
  constexpr std::uint64_t kStop = 18;
  constexpr std::uint64_t kSys = 30;
  EXPECT_EQ(host.start("proc_raise", {kAbort}), HostStatus::kTrap);
  EXPECT_EQ(host.trap_message, "raised SIGABRT");
  EXPECT_EQ(host.start("proc_raise", {kSys}), HostStatus::kTrap);
  EXPECT_EQ(host.trap_message, "raised SIGSYS");
  EXPECT_EQ(host.call("proc_raise", {0}), Errno::kSuccess);
  EXPECT_EQ(host.call("proc_raise", {kPipe}), Errno::kSuccess);
  EXPECT_EQ(host.call("proc_raise", {kStop}), Errno::kNotsup);
  EXPECT_EQ(host.call("proc_raise", {kSys + 1}), Errno::kInval);
  EXPECT_EQ(host.call("proc_raise", {0xFFFFFFFF}), Errno::kInval);
}

TEST(SchedYield, IsDoneAtOnce) {
  TestHost host;
  EXPECT_EQ(host.call("sched_yield", {}), Errno::kSuccess);
}

}  // namespace
}  // namespace godwit::wasi
