#include "capability/stream.h"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "capability/manual.h"

namespace godwit::capability {
namespace {

std::size_t write_some(OutputStream& out, std::string_view text) {
  const MutableByteSpan room = out.prepare(text.size());
  const std::size_t size = std::min(room.size(), text.size());
  if (size != 0) std::memcpy(room.data(), text.data(), size);
  out.commit(size);
  return size;
}

TEST(EmptyInput, IsAtItsEnd) {
  EmptyInput input;
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kEnd);
  EXPECT_EQ(input.available(), 0u);
  EXPECT_FALSE(input.wait_readable(nullptr));
}

TEST(BytesInput, ReadsInPiecesThenEnds) {
  BytesInput input("hello");
  std::array<std::byte, 3> buffer{};
  EXPECT_EQ(input.available(), 5u);
  ReadResult got = input.read(buffer);
  EXPECT_EQ(got.status, ReadStatus::kBytes);
  EXPECT_EQ(as_text({buffer.data(), got.size}), "hel");
  got = input.read(buffer);
  EXPECT_EQ(as_text({buffer.data(), got.size}), "lo");
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kEnd);
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kEnd);
}

TEST(StringOutput, IsFullAtItsLimitAndWakesWhenTaken) {
  StringOutput output(4);
  CountingWaker waker;
  EXPECT_FALSE(output.wait_writable(&waker)) << "there is room";
  EXPECT_EQ(write_some(output, "abcdef"), 4u);
  EXPECT_TRUE(output.prepare(1).empty());
  EXPECT_TRUE(output.wait_writable(&waker));
  EXPECT_EQ(output.take(), "abcd");
  EXPECT_EQ(waker.take(), 1);
  EXPECT_EQ(write_some(output, "ef"), 2u);
  EXPECT_EQ(output.take(), "ef");
  EXPECT_EQ(waker.take(), 0) << "a registration is one-shot";
}

TEST(StringOutput, CancelledWaiterIsNotWoken) {
  StringOutput output(1);
  CountingWaker waker;
  write_some(output, "a");
  ASSERT_TRUE(output.wait_writable(&waker));
  output.cancel_wait();
  output.take();
  EXPECT_EQ(waker.take(), 0);
}

TEST(StringOutput, CloseWakesTheWriterAndTakesNoMore) {
  StringOutput output(1);
  CountingWaker waker;
  write_some(output, "a");
  ASSERT_TRUE(output.wait_writable(&waker));
  output.close();
  EXPECT_EQ(waker.take(), 1);
  EXPECT_TRUE(output.closed());
  EXPECT_TRUE(output.prepare(1).empty());
  EXPECT_FALSE(output.wait_writable(&waker));
}

TEST(StringOutput, HugeWishDoesNotAllocateIt) {
  StringOutput output(std::size_t{1} << 40);
  EXPECT_LE(output.prepare(std::size_t{1} << 39).size(), std::size_t{64} << 10);
  EXPECT_EQ(output.text(), "") << "what was only prepared is not there";
}

TEST(ManualInput, PendsUntilPushedAndEnds) {
  ManualInput input;
  CountingWaker waker;
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kPending);
  ASSERT_TRUE(input.wait_readable(&waker));
  input.push("x");
  EXPECT_EQ(waker.take(), 1);
  EXPECT_EQ(input.read(buffer).size, 1u);
  ASSERT_TRUE(input.wait_readable(&waker));
  input.end();
  EXPECT_EQ(waker.take(), 1);
  EXPECT_EQ(input.read(buffer).status, ReadStatus::kEnd);
}

}  // namespace
}  // namespace godwit::capability
