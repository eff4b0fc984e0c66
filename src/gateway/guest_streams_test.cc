#include "gateway/guest_streams.h"

#include <algorithm>
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "capability/manual.h"

namespace godwit::gateway {
namespace {

using capability::CountingWaker;
using capability::ReadStatus;

constexpr std::size_t kHead = GuestOutput::kHeadBytes;

std::size_t write(GuestOutput& output, std::size_t size) {
  std::size_t written = 0;
  while (written < size) {
    const MutableByteSpan room = output.prepare(size - written);
    if (room.empty()) break;
    std::fill(room.begin(), room.end(), std::byte{'x'});
    output.commit(room.size());
    written += room.size();
  }
  return written;
}

TEST(GuestInput, ReadsThenWaitsThenEnds) {
  http::BodyPipe pipe;
  GuestInput input(pipe);
  CountingWaker waker;
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kPending);
  EXPECT_TRUE(input.wait_readable(&waker));
  pipe.write(as_bytes("abc"));
  EXPECT_EQ(waker.take(), 1);
  EXPECT_FALSE(input.wait_readable(&waker));
  EXPECT_EQ(input.available(), 3u);
  const auto got = input.read(buffer);
  EXPECT_EQ(got.status, ReadStatus::kBytes);
  EXPECT_EQ(got.size, 3u);
  EXPECT_TRUE(input.wait_readable(&waker));
  input.cancel_wait();
  pipe.finish();
  EXPECT_EQ(waker.take(), 0);
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kEnd);
  EXPECT_FALSE(input.wait_readable(&waker));
}

TEST(GuestInput, ABodyThatFailedEnds) {
  for (const bool aborted : {true, false}) {
    http::BodyPipe pipe;
    GuestInput input(pipe);
    CountingWaker waker;
    ASSERT_TRUE(input.wait_readable(&waker));
    aborted ? pipe.abort(ErrorCode::kBadRequest) : pipe.abandon();
    EXPECT_EQ(waker.take(), 1);
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(input.read(buffer).status, ReadStatus::kEnd);
    EXPECT_FALSE(input.wait_readable(&waker));
  }
}

TEST(GuestOutput, TakesNoMoreThanTheHeadNeedsUntilTheHeadIsOut) {
  http::BodyPipe pipe;
  GuestOutput output(pipe);
  output.begin(1 << 20);
  EXPECT_EQ(write(output, kHead - 1), kHead - 1);
  EXPECT_FALSE(output.wants_head());
  CountingWaker waker;
  EXPECT_EQ(output.room(), 1U);
  EXPECT_FALSE(output.wait_writable(&waker)) << "there is room for a byte";
  EXPECT_EQ(write(output, 100), 1u);
  EXPECT_TRUE(output.wants_head());
  EXPECT_EQ(output.room(), 0U);
  EXPECT_TRUE(output.wait_writable(&waker));
  EXPECT_EQ(waker.take(), 0) << "only the head lets it go on";
  output.head_sent();
  EXPECT_FALSE(output.wants_head());
  EXPECT_EQ(write(output, 100'000), http::BodyPipe::kHighBytes - kHead);
  EXPECT_TRUE(output.wait_writable(&waker));
  pipe.consume(pipe.size());
  EXPECT_EQ(waker.take(), 1);
}

TEST(GuestOutput, TheLimitIsExact) {
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
    http::BodyPipe pipe;
    GuestOutput output(pipe);
    output.begin(limit);
    EXPECT_EQ(output.room(), std::max<std::uint64_t>(limit, 1));
    EXPECT_EQ(write(output, limit), limit);
    CountingWaker asker;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(output.room(), 1U) << limit;
      EXPECT_FALSE(output.wait_writable(&asker)) << "an attempt would be told at once";
    }
    EXPECT_FALSE(output.over_limit()) << "asking is no attempt: " << limit;
    EXPECT_EQ(write(output, 1), 0u);
    EXPECT_TRUE(output.over_limit()) << limit;
    EXPECT_EQ(output.room(), 0U);
    EXPECT_EQ(pipe.total_written(), limit);
    CountingWaker waker;
    EXPECT_TRUE(output.wait_writable(&waker));
  }
}

// What the reader has taken counts: the limit is of the whole response.
TEST(GuestOutput, TheLimitCountsWhatIsGone) {
  http::BodyPipe pipe;
  GuestOutput output(pipe);
  output.begin(100'000);
  output.head_sent();
  std::size_t total = 0;
  while (const std::size_t written = write(output, 7000)) {
    total += written;
    pipe.consume(pipe.size());
  }
  EXPECT_EQ(total, 100'000u);
  EXPECT_TRUE(output.over_limit());
  output.begin(100);
  EXPECT_FALSE(output.over_limit());
}

TEST(GuestOutput, ClosesWithItsReader) {
  http::BodyPipe pipe;
  GuestOutput output(pipe);
  output.begin(1 << 20);
  output.head_sent();
  write(output, http::BodyPipe::kHighBytes);
  CountingWaker waker;
  ASSERT_TRUE(output.wait_writable(&waker));
  EXPECT_FALSE(output.closed());
  pipe.abandon();
  EXPECT_EQ(waker.take(), 1);
  EXPECT_TRUE(output.closed());
  EXPECT_EQ(output.room(), 0U);
  EXPECT_FALSE(output.wait_writable(&waker));
  EXPECT_TRUE(output.prepare(1).empty());
}

}  // namespace
}  // namespace godwit::gateway
