#include <gtest/gtest.h>

#include "capability/log_output.h"
#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

using engine::HostStatus;

constexpr std::uint64_t kCount = 0x20;  // where the tests have the counts put

// --- fd_write -----------------------------------------------------------------------------------

TEST(FdWrite, GathersItsBuffers) {
  TestHost host;
  host.put_text(0x100, "hello world");
  host.put(0x40, Iovec{0x100, 5});
  host.put(0x48, Iovec{static_cast<std::uint32_t>(host.size()), 0});
  host.put(0x50, Iovec{0x105, 6});
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 3, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 11u);
  EXPECT_EQ(host.output.text(), "hello world");
  EXPECT_EQ(host.write(2, "to stderr"), Errno::kSuccess);
  EXPECT_EQ(host.error_output.text(), "to stderr");
}

TEST(FdWrite, NothingToWriteIsWritten) {
  TestHost host;
  EXPECT_EQ(host.call("fd_write", {1, 0, 0, kCount}), Errno::kSuccess);
  host.put(0x40, Iovec{0, 0});
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 0u);
}

TEST(FdWrite, WrongDescriptors) {
  TestHost host;
  EXPECT_EQ(host.call("fd_write", {0, 0, 0, kCount}), Errno::kBadf) << "stdin is for reading";
  EXPECT_EQ(host.call("fd_write", {3, 0, 0, kCount}), Errno::kBadf);
  EXPECT_EQ(host.call("fd_write", {kNoPointer, 0, 0, kCount}), Errno::kBadf);
}

TEST(FdWrite, BadPointersWriteNothing) {
  TestHost host;
  const std::uint64_t size = host.size();
  host.put(0x40, Iovec{0x100, 4});
  struct Case {
    std::uint64_t array;
    std::uint64_t count;
    std::uint64_t result;
    Errno error;
  };
  const Case cases[] = {
      {size - 7, 1, kCount, Errno::kFault},
      {size, 1, kCount, Errno::kFault},
      {kNoPointer, 1, kCount, Errno::kFault},
      {kNoPointer - 7, 2, kCount, Errno::kFault},
      {0x40, 1, size - 3, Errno::kFault},
      {0x40, 1, kNoPointer, Errno::kFault},
      {0x40, kMaxIovecs + 1, kCount, Errno::kInval},
      {0x40, 0xFFFFFFFF, kCount, Errno::kInval},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(host.call("fd_write", {1, c.array, c.count, c.result}), c.error) << c.array;
  }
  // A good buffer before a bad one is not written either.
  const Iovec bad[] = {{static_cast<std::uint32_t>(size - 1), 2},
                       {static_cast<std::uint32_t>(size + 1), 0},
                       {0xFFFFFFFF, 2},
                       {0xFFFFFFFF, 0xFFFFFFFF},
                       {0x100, 0xFFFFFFFF}};
  for (const Iovec& iovec : bad) {
    host.put(0x48, iovec);
    EXPECT_EQ(host.call("fd_write", {1, 0x40, 2, kCount}), Errno::kFault) << iovec.address;
  }
  EXPECT_EQ(host.output.text(), "");
}

TEST(FdWrite, SumThatNoSizeCanSayIsInvalid) {
  // 1024 buffers of the whole memory, 4 MiB + 4 KiB each: more than 4 GiB together.
  TestHost host((std::size_t{4} << 20) + 4096);
  for (std::uint32_t i = 0; i < kMaxIovecs; ++i) {
    host.put(0x1000 + i * 8, Iovec{0, static_cast<Size>(host.size())});
  }
  EXPECT_EQ(host.call("fd_write", {1, 0x1000, kMaxIovecs, kCount}), Errno::kInval);
  EXPECT_EQ(host.call("fd_read", {0, 0x1000, kMaxIovecs, kCount}), Errno::kInval);
  EXPECT_EQ(host.start("fd_write", {1, 0x1000, kMaxIovecs - 2, kCount}), HostStatus::kPending);
  EXPECT_EQ(host.output.text().size(), TestHost::kOutputLimit);
}

// Programs exist that never look at the count (AssemblyScript's shim): a blocking write ends when
// all of it was taken, however often it has to wait.
TEST(FdWrite, WaitsUntilAllOfItWasTaken) {
  TestHost host;
  const std::string text = std::string(60, 'a') + std::string(60, 'b') + std::string(60, 'c');
  host.put_text(0x100, text);
  host.put(0x40, Iovec{0x100, 70});
  host.put(0x48, Iovec{0x100 + 70, 110});
  EXPECT_EQ(host.start("fd_write", {1, 0x40, 2, kCount}), HostStatus::kPending);
  EXPECT_EQ(host.waker.take(), 0);
  EXPECT_EQ(host.start("fd_write", {1, 0x40, 2, kCount}), HostStatus::kPending)
      << "a wake-up that was somebody else's";
  std::string seen = host.output.take();
  EXPECT_EQ(host.waker.take(), 1);
  EXPECT_EQ(host.start("fd_write", {1, 0x40, 2, kCount}), HostStatus::kPending);
  seen += host.output.take();
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 2, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), text.size());
  seen += host.output.take();
  EXPECT_EQ(seen, text);
  // The next call starts from its own beginning.
  host.put(0x40, Iovec{0x100, 10});
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.output.text(), text.substr(0, 10));
}

TEST(FdWrite, ReaderThatLeavesInTheMiddleGetsTheCountThenEpipe) {
  TestHost host;
  host.put_text(0x100, std::string(100, 'a'));
  host.put(0x40, Iovec{0x100, 100});
  ASSERT_EQ(host.start("fd_write", {1, 0x40, 1, kCount}), HostStatus::kPending);
  host.output.close();
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), TestHost::kOutputLimit);
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kPipe);
}

TEST(FdWrite, NonBlockingGetsEagain) {
  TestHost host;
  ASSERT_EQ(host.call("fd_fdstat_set_flags", {1, kFdNonblock}), Errno::kSuccess);
  EXPECT_EQ(host.write(1, std::string(TestHost::kOutputLimit, 'a')), Errno::kSuccess);
  EXPECT_EQ(host.write(1, "b"), Errno::kAgain);
  host.output.take();
  host.put(0x40, Iovec{0x100, 100});
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), TestHost::kOutputLimit) << "a short count";
}

TEST(FdWrite, ReaderGoneIsEpipe) {
  TestHost host;
  host.output.close();
  EXPECT_EQ(host.write(1, "x"), Errno::kPipe);
  EXPECT_EQ(host.write(2, "x"), Errno::kSuccess) << "the other stream lives";
}

TEST(FdWrite, ReaderThatLeavesWhileTheGuestWaitsIsEpipe) {
  TestHost host;
  ASSERT_EQ(host.write(1, std::string(TestHost::kOutputLimit, 'a')), Errno::kSuccess);
  host.put(0x40, Iovec{0x100, 1});
  ASSERT_EQ(host.start("fd_write", {1, 0x40, 1, kCount}), HostStatus::kPending);
  host.output.close();
  EXPECT_EQ(host.waker.take(), 1);
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kPipe);
}

TEST(FdWrite, DestroyedWhileWaitingIsNotWoken) {
  TestHost host;
  ASSERT_EQ(host.write(1, std::string(TestHost::kOutputLimit, 'a')), Errno::kSuccess);
  host.put(0x40, Iovec{0x100, 1});
  ASSERT_EQ(host.start("fd_write", {1, 0x40, 1, kCount}), HostStatus::kPending);
  host.wasi.reset();
  host.output.take();
  EXPECT_EQ(host.waker.take(), 0);
}

struct NullSink final : capability::LineSink {
  void line(std::string_view) override { ++lines; }
  int lines = 0;
};

TEST(FdWrite, OneAttemptMovesABoundedAmountThenGivesWay) {
  // stderr never says that it is full, and a host call can't be interrupted.
  TestHost host(std::size_t{8} << 20);
  NullSink sink;
  capability::LogOutput log({}, sink);
  host.wasi.emplace(Preview1::Options{.arguments = &host.arguments,
                                      .environment = &host.environment,
                                      .standard_input = &host.input,
                                      .standard_output = &host.output,
                                      .standard_error = &log,
                                      .clock = &host.clock,
                                      .random = &host.random,
                                      .timers = &host.timers,
                                      .waker = &host.waker});
  host.put(0x40, Iovec{0x1000, 4U << 20});
  int turns = 0;
  while (host.start("fd_write", {2, 0x40, 1, kCount}) == HostStatus::kPending) {
    ASSERT_EQ(host.waker.take(), 1) << "it goes on by itself";
    ASSERT_LT(++turns, 10);
  }
  EXPECT_GE(turns, 3) << "4 MiB at 1 MiB an attempt";
  EXPECT_EQ(host.get<Size>(kCount), 4U << 20);
  EXPECT_TRUE(log.truncated());
  EXPECT_GT(sink.lines, 0);
}

// --- fd_read ------------------------------------------------------------------------------------

TEST(FdRead, ScattersWhatIsThere) {
  TestHost host;
  host.input.push("hello world");
  host.put(0x40, Iovec{0x100, 3});
  host.put(0x48, Iovec{0x200, 0});
  host.put(0x50, Iovec{0x300, 100});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 3, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 11u);
  EXPECT_EQ(host.text(0x100, 4), std::string("hel\0", 4));
  EXPECT_EQ(host.text(0x300, 9), std::string("lo world\0", 9));
}

TEST(FdRead, LongInputsGoThroughTheBounceBuffer) {
  TestHost host(std::size_t{1} << 20);
  std::string text;
  for (int i = 0; text.size() < 100'000; ++i) text += std::to_string(i);
  host.input.push(text);
  host.put(0x40, Iovec{0x1000, 10'001});
  host.put(0x48, Iovec{0x10000, 500'000});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 2, kCount}), Errno::kSuccess);
  ASSERT_EQ(host.get<Size>(kCount), text.size());
  EXPECT_EQ(host.text(0x1000, 10'001) + host.text(0x10000, text.size() - 10'001), text);
}

TEST(FdRead, WaitsForTheFirstByteOnly) {
  TestHost host;
  host.put(0x40, Iovec{0x100, 100});
  EXPECT_EQ(host.start("fd_read", {0, 0x40, 1, kCount}), HostStatus::kPending);
  EXPECT_TRUE(host.input.waited_for());
  host.input.push("ab");
  EXPECT_EQ(host.waker.take(), 1);
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 2u);
  EXPECT_FALSE(host.input.waited_for());
}

TEST(FdRead, EndIsZeroBytes) {
  TestHost host;
  host.put(0x40, Iovec{0x100, 100});
  ASSERT_EQ(host.start("fd_read", {0, 0x40, 1, kCount}), HostStatus::kPending);
  host.input.end();
  host.put(kCount, Size{99});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 0u);
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kSuccess) << "and stays the end";
}

TEST(FdRead, NonBlockingGetsEagain) {
  TestHost host;
  host.put(0x40, Iovec{0x100, 100});
  ASSERT_EQ(host.call("fd_fdstat_set_flags", {0, kFdNonblock}), Errno::kSuccess);
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kAgain);
  host.input.push("x");
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kSuccess);
}

TEST(FdRead, NoRoomReadsNothingAndDoesNotWait) {
  TestHost host;
  EXPECT_EQ(host.call("fd_read", {0, 0, 0, kCount}), Errno::kSuccess);
  host.put(0x40, Iovec{0x100, 0});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 0u);
}

TEST(FdRead, BadPointersConsumeNothing) {
  TestHost host;
  const std::uint64_t size = host.size();
  host.input.push("input");
  host.put(0x40, Iovec{0x100, 4});
  EXPECT_EQ(host.call("fd_read", {1, 0x40, 1, kCount}), Errno::kBadf) << "stdout is for writing";
  EXPECT_EQ(host.call("fd_read", {7, 0x40, 1, kCount}), Errno::kBadf);
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, size - 3}), Errno::kFault);
  EXPECT_EQ(host.call("fd_read", {0, size - 7, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("fd_read", {0, kNoPointer, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.call("fd_read", {0, 0x40, kMaxIovecs + 1, kCount}), Errno::kInval);
  host.put(0x48, Iovec{static_cast<std::uint32_t>(size - 1), 2});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 2, kCount}), Errno::kFault);
  host.put(0x48, Iovec{0xFFFFFFFF, 0xFFFFFFFF});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 2, kCount}), Errno::kFault);
  EXPECT_EQ(host.input.available(), 5u);
}

// The attack: the first buffer lies over the second iovec, and the input makes that one point
// anywhere. It is judged again before it is used.
TEST(FdRead, BuffersThatOverwriteTheirOwnDescription) {
  TestHost host;
  const Iovec anywhere{0xFFFFFFF0, 0x7FFFFFFF};
  std::string input(reinterpret_cast<const char*>(&anywhere), sizeof(anywhere));
  input += std::string(9000, 'x');
  host.input.push(input);
  host.put(0x40, Iovec{0x48, 8});
  host.put(0x48, Iovec{0x100, 1000});
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 2, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.get<Size>(kCount), 8u);
  EXPECT_EQ(host.text(0x100, 8), std::string(8, '\0')) << "not where it pointed before";
}

TEST(FdRead, DestroyedWhileWaitingIsNotWoken) {
  TestHost host;
  host.put(0x40, Iovec{0x100, 1});
  ASSERT_EQ(host.start("fd_read", {0, 0x40, 1, kCount}), HostStatus::kPending);
  host.wasi.reset();
  EXPECT_FALSE(host.input.waited_for());
}

TEST(Stdio, GivenUpRightsAreGone) {
  TestHost host;
  host.put(0x40, Iovec{0x100, 1});
  ASSERT_EQ(host.call("fd_fdstat_set_rights", {0, 0, 0}), Errno::kSuccess);
  ASSERT_EQ(host.call("fd_fdstat_set_rights", {1, 0, 0}), Errno::kSuccess);
  EXPECT_EQ(host.call("fd_read", {0, 0x40, 1, kCount}), Errno::kNotcapable);
  EXPECT_EQ(host.call("fd_write", {1, 0x40, 1, kCount}), Errno::kNotcapable);
}

}  // namespace
}  // namespace godwit::wasi
