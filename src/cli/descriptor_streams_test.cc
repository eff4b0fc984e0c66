#include "cli/descriptor_streams.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "capability/manual.h"

namespace godwit::cli {
namespace {

using capability::ReadStatus;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  void put(std::string_view text) const {
    EXPECT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string take(std::size_t size) const {
    std::string text(size, '\0');
    const ssize_t count = ::read(reader.get(), text.data(), size);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  Fd reader, writer;
};

struct NotedWaker final : Waker {
  void wake() noexcept override { ++count; }
  int count = 0;
};

std::string read_text(DescriptorInput& input, ReadStatus expected, std::size_t size = 100) {
  std::string buffer(size, '\0');
  const auto got = input.read(std::as_writable_bytes(std::span(buffer)));
  EXPECT_EQ(got.status, expected);
  return buffer.substr(0, got.size);
}

TEST(DescriptorInput, NeverWaits) {
  const Pipe pipe;
  DescriptorInput input(pipe.reader.get(), 100);
  EXPECT_EQ(read_text(input, ReadStatus::kPending), "");
  EXPECT_EQ(input.available(), 0U);
  NotedWaker waker;
  ASSERT_TRUE(input.wait_readable(&waker));
  EXPECT_EQ(input.wanted(), POLLIN);
  pipe.put("hello");
  EXPECT_EQ(input.available(), 5U);
  input.ready();
  EXPECT_EQ(waker.count, 1);
  EXPECT_EQ(input.wanted(), 0);
  EXPECT_FALSE(input.wait_readable(&waker));
  EXPECT_EQ(read_text(input, ReadStatus::kBytes), "hello");
}

TEST(DescriptorInput, BytesThatComeBetweenReadAndWaitAreNoContradiction) {
  const Pipe pipe;
  DescriptorInput input(pipe.reader.get(), 100);
  EXPECT_EQ(read_text(input, ReadStatus::kPending), "");
  pipe.put("hello");
  NotedWaker waker;
  ASSERT_TRUE(input.wait_readable(&waker));  // as it said
  EXPECT_EQ(input.wanted(), POLLIN);
  input.ready();
  EXPECT_EQ(waker.count, 1);
  EXPECT_FALSE(input.wait_readable(&waker));
  EXPECT_EQ(read_text(input, ReadStatus::kBytes), "hello");
  // Who never read (poll_oneoff) is told at once.
  pipe.put("more");
  EXPECT_FALSE(input.wait_readable(&waker));
}

TEST(DescriptorInput, EndsWithItsWriter) {
  Pipe pipe;
  DescriptorInput input(pipe.reader.get(), 100);
  pipe.put("x");
  pipe.writer.reset();
  EXPECT_EQ(read_text(input, ReadStatus::kBytes), "x");
  EXPECT_EQ(read_text(input, ReadStatus::kEnd), "");
  NotedWaker waker;
  EXPECT_FALSE(input.wait_readable(&waker));
  EXPECT_TRUE(input.problem().empty());
}

TEST(DescriptorInput, TellsTheLimitFromTheEnd) {
  Pipe exact;
  exact.put("12345");
  exact.writer.reset();
  DescriptorInput fits(exact.reader.get(), 5);
  EXPECT_EQ(read_text(fits, ReadStatus::kBytes), "12345");
  EXPECT_EQ(read_text(fits, ReadStatus::kEnd), "");
  EXPECT_FALSE(fits.over_limit());

  const Pipe more;
  more.put("123456");
  DescriptorInput over(more.reader.get(), 5);
  EXPECT_EQ(read_text(over, ReadStatus::kBytes), "12345");
  EXPECT_EQ(read_text(over, ReadStatus::kPending), "");
  EXPECT_TRUE(over.over_limit());
  NotedWaker waker;
  EXPECT_TRUE(over.wait_readable(&waker));
  EXPECT_EQ(over.wanted(), 0);
}

TEST(DescriptorInput, AClosedDescriptorIsTheEndWithAReason) {
  Pipe pipe;
  const int number = pipe.reader.get();
  pipe.reader.reset();
  DescriptorInput input(number, 100);
  EXPECT_EQ(read_text(input, ReadStatus::kEnd), "");
  EXPECT_FALSE(input.problem().empty());
}

TEST(DescriptorOutput, WritesTextThenPipe) {
  const Pipe pipe;
  http::BodyPipe body;
  DescriptorOutput output(pipe.writer.get(), body);
  EXPECT_EQ(output.wanted(), 0);
  body.write(as_bytes("body"));
  output.hold();
  EXPECT_TRUE(output.drained());
  output.write_first("head ");
  EXPECT_EQ(output.wanted(), POLLOUT);
  output.ready();
  EXPECT_EQ(output.wanted(), 0);
  output.let_go();
  output.ready();
  EXPECT_TRUE(output.drained());
  EXPECT_EQ(pipe.take(100), "head body");
}

TEST(DescriptorOutput, AnsweredPollMeansThatAWriteDoesNotBlock) {
  // One page free in a blocking pipe: poll says POLLOUT, and more than a page would block for ever.
  const Pipe pipe;
  ASSERT_GT(::fcntl(pipe.writer.get(), F_SETPIPE_SZ, 8192), 0);
  pipe.put(std::string(4096, 'x'));
  http::BodyPipe body;
  ASSERT_EQ(body.write(as_bytes(std::string(20'000, 'y'))), 20'000U);
  DescriptorOutput output(pipe.writer.get(), body);
  pollfd waiting{pipe.writer.get(), POLLOUT, 0};
  ASSERT_EQ(::poll(&waiting, 1, 0), 1);
  const std::size_t before = body.size();
  output.ready();
  EXPECT_LT(body.size(), before);
}

TEST(DescriptorOutput, FlushesWhatFitsAndNoMore) {
  const Pipe pipe;
  ASSERT_GT(::fcntl(pipe.writer.get(), F_SETPIPE_SZ, 8192), 0);
  http::BodyPipe body;
  ASSERT_EQ(body.write(as_bytes(std::string(20'000, 'y'))), 20'000U);
  DescriptorOutput output(pipe.writer.get(), body);
  output.flush_now();  // nobody reads
  EXPECT_FALSE(output.drained());
  EXPECT_EQ(pipe.take(20'000).size() + body.size(), 20'000U);
  output.flush_now();
  pipe.take(20'000);
  output.flush_now();
  pipe.take(20'000);
  output.flush_now();
  EXPECT_TRUE(output.drained());
}

TEST(DescriptorOutput, AReaderThatLeavesAbandonsThePipe) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  http::BodyPipe body;
  body.write(as_bytes("x"));
  DescriptorOutput output(pipe.writer.get(), body);
  pipe.reader.reset();
  output.ready();
  EXPECT_TRUE(output.broken());
  EXPECT_EQ(output.error_number(), EPIPE);
  EXPECT_TRUE(body.abandoned());
  EXPECT_EQ(output.wanted(), 0);
}

}  // namespace
}  // namespace godwit::cli
