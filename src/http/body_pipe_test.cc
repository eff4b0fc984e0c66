#include "http/body_pipe.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::http {
namespace {

class CountingWaker final : public Waker {
 public:
  void wake() noexcept override { ++count; }
  int count = 0;
};

std::string pattern(std::size_t size, std::size_t offset = 0) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i + offset) * 31 % 251);
  return text;
}

std::string drain(BodyPipe& pipe) {
  std::string text;
  while (!pipe.empty()) {
    const ByteSpan bytes = pipe.peek();
    text += as_text(bytes);
    pipe.consume(bytes.size());
  }
  return text;
}

TEST(BodyPipe, StartsEmptyAndOpen) {
  BodyPipe pipe;
  EXPECT_TRUE(pipe.empty());
  EXPECT_TRUE(pipe.peek().empty());
  EXPECT_FALSE(pipe.at_end());
  EXPECT_FALSE(pipe.aborted());
  EXPECT_FALSE(pipe.abandoned());
  EXPECT_FALSE(pipe.finished());
  EXPECT_EQ(pipe.total_written(), 0U);
  EXPECT_EQ(pipe.writable_bytes(), BodyPipe::kHighBytes);
}

TEST(BodyPipe, CarriesBytesInOrder) {
  BodyPipe pipe;
  EXPECT_EQ(pipe.write(as_bytes("hello ")), 6U);
  EXPECT_EQ(pipe.write(as_bytes("world")), 5U);
  EXPECT_EQ(pipe.size(), 11U);
  EXPECT_EQ(pipe.total_written(), 11U);
  pipe.consume(3);
  EXPECT_EQ(as_text(pipe.peek()), "lo world");
  EXPECT_EQ(pipe.total_written(), 11U);
  EXPECT_EQ(drain(pipe), "lo world");
}

TEST(BodyPipe, FullAtTheHighWatermark) {
  BodyPipe pipe;
  const std::string text = pattern(BodyPipe::kHighBytes + 1000);
  EXPECT_EQ(pipe.write(as_bytes(text)), BodyPipe::kHighBytes);
  EXPECT_EQ(pipe.writable_bytes(), 0U);
  EXPECT_TRUE(pipe.prepare(1).empty());
  EXPECT_EQ(pipe.write(as_bytes("x")), 0U);
  pipe.consume(10);
  EXPECT_EQ(pipe.writable_bytes(), 10U);
  EXPECT_EQ(pipe.write(as_bytes(text)), 10U);
  EXPECT_EQ(drain(pipe), text.substr(10, BodyPipe::kHighBytes - 10) + text.substr(0, 10));
}

TEST(BodyPipe, PrepareAndCommitInPart) {
  BodyPipe pipe;
  const MutableByteSpan region = pipe.prepare(100);
  ASSERT_EQ(region.size(), 100U);
  std::memcpy(region.data(), "abc", 3);
  EXPECT_TRUE(pipe.empty()) << "nothing is readable before commit()";
  pipe.commit(3);
  EXPECT_EQ(as_text(pipe.peek()), "abc");
  EXPECT_TRUE(pipe.prepare(0).empty());
  pipe.commit(0);
  EXPECT_EQ(pipe.size(), 3U);
}

TEST(BodyPipe, ALargeWishGetsALargeRegionAtOnce) {
  BodyPipe pipe;
  EXPECT_GE(pipe.prepare(16384).size(), 16384U);
  pipe.commit(1);
  pipe.consume(1);
  EXPECT_GE(pipe.prepare(16384).size(), 16384U) << "also after it was drained";
}

TEST(BodyPipe, ASmallBodyTakesNoHeapStorage) {
  BodyPipe pipe;
  const std::size_t inline_bytes = pipe.capacity_bytes();
  pipe.write(as_bytes(pattern(512)));
  EXPECT_EQ(pipe.capacity_bytes(), inline_bytes);
  pipe.write(as_bytes("x"));
  EXPECT_EQ(pipe.capacity_bytes(), inline_bytes + 4096);
}

TEST(BodyPipe, AnEmptyLastBlockBehindBytesLosesNothing) {
  BodyPipe pipe;
  const std::string text = pattern(512);
  pipe.write(as_bytes(text));
  ASSERT_FALSE(pipe.prepare(10).empty());
  pipe.commit(0);
  ASSERT_FALSE(pipe.prepare(16384).empty());
  pipe.commit(0);
  pipe.write(as_bytes("tail"));
  EXPECT_EQ(as_text(pipe.peek()), text);
  pipe.consume(text.size());
  EXPECT_EQ(as_text(pipe.peek()), "tail");
}

TEST(BodyPipe, PeekedBytesStayWhereTheyAreWhileTheWriterGoesOn) {
  BodyPipe pipe;
  const std::string text = pattern(300);
  pipe.write(as_bytes(text));
  const ByteSpan peeked = pipe.peek();
  pipe.write(as_bytes(pattern(BodyPipe::kHighBytes)));
  pipe.finish();
  EXPECT_EQ(as_text(peeked), text);
  EXPECT_EQ(pipe.peek().data(), peeked.data());
}

TEST(BodyPipe, APreparedRegionStaysWhileTheReaderGoesOn) {
  BodyPipe pipe;
  pipe.write(as_bytes(pattern(500)));
  const MutableByteSpan region = pipe.prepare(12);
  ASSERT_EQ(region.size(), 12U);
  EXPECT_EQ(drain(pipe), pattern(500));
  std::memcpy(region.data(), "abcdefghijkl", 12);
  pipe.commit(12);
  EXPECT_EQ(drain(pipe), "abcdefghijkl");
}

TEST(BodyPipe, PeekAsSeveralSpans) {
  BodyPipe pipe;
  const std::string text = pattern(30000);
  pipe.write(as_bytes(text));
  std::vector<ByteSpan> spans(16);
  spans.resize(pipe.peek(spans));
  EXPECT_GT(spans.size(), 1U);
  std::string joined;
  for (const ByteSpan& span : spans) joined += as_text(span);
  EXPECT_EQ(joined, text);
  std::array<ByteSpan, 1> one;
  EXPECT_EQ(pipe.peek(one), 1U);
  EXPECT_EQ(one[0].data(), pipe.peek().data());
}

TEST(BodyPipe, ReadCopiesOverBlocks) {
  BodyPipe pipe;
  const std::string text = pattern(9000);
  pipe.write(as_bytes(text));
  std::string out(8000, '\0');
  EXPECT_EQ(pipe.read(std::as_writable_bytes(std::span(out))), 8000U);
  EXPECT_EQ(out, text.substr(0, 8000));
  EXPECT_EQ(pipe.read(std::as_writable_bytes(std::span(out))), 1000U);
  EXPECT_EQ(out.substr(0, 1000), text.substr(8000));
  EXPECT_EQ(pipe.read(std::as_writable_bytes(std::span(out))), 0U);
}

TEST(BodyPipe, FinishIsSeenAfterTheLastByte) {
  BodyPipe pipe;
  pipe.write(as_bytes("ab"));
  pipe.finish();
  EXPECT_FALSE(pipe.at_end());
  EXPECT_EQ(pipe.write(as_bytes("c")), 0U);
  EXPECT_TRUE(pipe.prepare(1).empty());
  pipe.consume(2);
  EXPECT_TRUE(pipe.at_end());
}

TEST(BodyPipe, ARegionThatWasPreparedBeforeFinishIsNotReadAfter) {
  BodyPipe pipe;
  ASSERT_FALSE(pipe.prepare(1).empty());
  pipe.finish();
  pipe.commit(1);
  EXPECT_TRUE(pipe.at_end());
  EXPECT_EQ(pipe.total_written(), 0U);
}

TEST(BodyPipe, AbortIsSeenAtOnceAndIsNoEnd) {
  BodyPipe pipe;
  pipe.write(as_bytes("ab"));
  pipe.abort(ErrorCode::kDeadline);
  EXPECT_TRUE(pipe.aborted());
  EXPECT_EQ(pipe.abort_reason(), ErrorCode::kDeadline);
  EXPECT_EQ(drain(pipe), "ab");
  EXPECT_FALSE(pipe.at_end());
  EXPECT_EQ(pipe.writable_bytes(), 0U);
}

TEST(BodyPipe, TheFirstEndingStays) {
  BodyPipe finished;
  finished.finish();
  finished.abort(ErrorCode::kDeadline);
  finished.finish();
  EXPECT_TRUE(finished.at_end());
  EXPECT_FALSE(finished.aborted());

  BodyPipe aborted;
  aborted.abort(ErrorCode::kDeadline);
  aborted.abort(ErrorCode::kInternal);
  aborted.finish();
  EXPECT_FALSE(aborted.at_end());
  EXPECT_EQ(aborted.abort_reason(), ErrorCode::kDeadline);
}

TEST(BodyPipe, AbandonDropsEverythingAndTellsTheWriter) {
  BodyPipe pipe;
  CountingWaker writer;
  pipe.write(as_bytes(pattern(60000)));
  pipe.wait_writable(writer);
  EXPECT_EQ(writer.count, 0);
  pipe.abandon();
  EXPECT_EQ(writer.count, 1);
  EXPECT_TRUE(pipe.abandoned());
  EXPECT_TRUE(pipe.empty());
  EXPECT_EQ(pipe.write(as_bytes("x")), 0U);
  EXPECT_TRUE(pipe.prepare(1).empty());
  pipe.abandon();
  EXPECT_EQ(writer.count, 1);
  EXPECT_LE(pipe.capacity_bytes(), 512U + 16384U) << "the storage went with it";
}

TEST(BodyPipe, AbandonWhileTheWriterFillsARegion) {
  BodyPipe pipe;
  pipe.write(as_bytes(pattern(20000)));
  const MutableByteSpan region = pipe.prepare(1000);
  ASSERT_FALSE(region.empty());
  pipe.abandon();
  std::memset(region.data(), 'x', region.size());  // ASan tells when this is gone
  pipe.commit(region.size());
  EXPECT_TRUE(pipe.empty());
  EXPECT_TRUE(pipe.peek().empty());
  EXPECT_EQ(pipe.total_written(), 20000U);
}

TEST(BodyPipe, ReaderIsWokenOnceByTheFirstBytes) {
  BodyPipe pipe;
  CountingWaker reader;
  pipe.wait_readable(reader);
  EXPECT_EQ(reader.count, 0);
  pipe.write(as_bytes("a"));
  EXPECT_EQ(reader.count, 1);
  pipe.write(as_bytes("b"));
  EXPECT_EQ(reader.count, 1) << "registrations are one-shot";
  pipe.wait_readable(reader);
  EXPECT_EQ(reader.count, 2) << "there is something to read already";
}

TEST(BodyPipe, ReaderIsWokenByEveryEnding) {
  for (int ending = 0; ending < 3; ++ending) {
    BodyPipe pipe;
    CountingWaker reader;
    pipe.wait_readable(reader);
    if (ending == 0) pipe.finish();
    if (ending == 1) pipe.abort(ErrorCode::kInternal);
    if (ending == 2) pipe.abandon();
    EXPECT_EQ(reader.count, 1) << ending;
    pipe.wait_readable(reader);
    EXPECT_EQ(reader.count, 2) << ending;
  }
}

TEST(BodyPipe, WriterIsWokenAtTheLowWatermarkOnly) {
  BodyPipe pipe;
  CountingWaker writer;
  pipe.wait_writable(writer);
  EXPECT_EQ(writer.count, 1) << "nothing to wait for";
  pipe.write(as_bytes(pattern(BodyPipe::kHighBytes)));
  pipe.wait_writable(writer);
  pipe.consume(BodyPipe::kHighBytes - BodyPipe::kLowBytes - 1);
  EXPECT_EQ(writer.count, 1);
  pipe.consume(1);
  EXPECT_EQ(writer.count, 2);
  pipe.consume(1);
  EXPECT_EQ(writer.count, 2);
}

TEST(BodyPipe, WriterIsWokenWhenItsOwnSideCloses) {
  BodyPipe pipe;
  CountingWaker writer;
  pipe.write(as_bytes(pattern(60000)));
  pipe.wait_writable(writer);
  pipe.abort(ErrorCode::kCancelled);
  EXPECT_EQ(writer.count, 1);
}

TEST(BodyPipe, CancelledAndReplacedRegistrationsStaySilent) {
  BodyPipe pipe;
  CountingWaker first;
  CountingWaker second;
  pipe.wait_readable(first);
  pipe.wait_readable(second);
  pipe.write(as_bytes(pattern(60000)));
  EXPECT_EQ(first.count, 0);
  EXPECT_EQ(second.count, 1);
  pipe.wait_writable(first);
  pipe.cancel_writable();
  drain(pipe);
  EXPECT_EQ(first.count, 0);
  pipe.wait_readable(first);
  pipe.cancel_readable();
  pipe.write(as_bytes("x"));
  EXPECT_EQ(first.count, 0);
}

// A waker that registers itself again from within must not be called in a loop.
class AgainWaker final : public Waker {
 public:
  explicit AgainWaker(BodyPipe& pipe) : pipe_(pipe) {}
  void wake() noexcept override {
    if (++count == 1) pipe_.wait_readable(*this);
  }
  int count = 0;

 private:
  BodyPipe& pipe_;
};

TEST(BodyPipe, RegisteringFromWithinAWakeIsKept) {
  BodyPipe pipe;
  AgainWaker reader(pipe);
  pipe.wait_readable(reader);
  pipe.write(as_bytes("a"));
  EXPECT_EQ(reader.count, 2) << "the second registration finds bytes at once";
}

TEST(BodyPipe, ResetIsAsNewAndKeepsOnlySmallStorage) {
  BodyPipe pipe;
  CountingWaker waker;
  pipe.write(as_bytes(pattern(60000)));
  pipe.wait_writable(waker);
  pipe.abort(ErrorCode::kInternal);
  pipe.abandon();
  pipe.reset();
  EXPECT_LE(pipe.capacity_bytes(), 512U + 4096U);
  EXPECT_FALSE(pipe.aborted());
  EXPECT_FALSE(pipe.abandoned());
  EXPECT_FALSE(pipe.finished());
  EXPECT_EQ(pipe.total_written(), 0U);
  EXPECT_EQ(pipe.write(as_bytes("new")), 3U);
  EXPECT_EQ(drain(pipe), "new");
}

TEST(BodyPipe, OneByteWritesAndReadsHoldBoundedStorage) {
  BodyPipe pipe;
  std::string written;
  std::string read;
  // The reader is always a little behind, so that blocks are retired one by one.
  for (std::size_t i = 0; i < 300000; ++i) {
    const std::string byte = pattern(1, i);
    ASSERT_EQ(pipe.write(as_bytes(byte)), 1U);
    written += byte;
    if (pipe.size() > 5000) {
      read += as_text(pipe.peek().first(1));
      pipe.consume(1);
    }
    ASSERT_LE(pipe.capacity_bytes(), 512U + 4096U + 3U * 16384U);
  }
  read += drain(pipe);
  EXPECT_TRUE(read == written);
}

TEST(BodyPipe, StorageIsBoundedWhateverTheSizesOfTheWrites) {
  for (std::size_t step = 1; step < 9000; step = step * 3 + 1) {
    BodyPipe pipe;
    const std::string text = pattern(step);
    for (int round = 0; round < 2000; ++round) {
      pipe.write(as_bytes(text));
      pipe.consume(std::min(pipe.size(), step / 2 + 1));
      ASSERT_LE(pipe.capacity_bytes(), std::size_t{112} << 10) << step;
    }
  }
}

TEST(BodyPipe, OwnWatermarks) {
  BodyPipe pipe({.high_bytes = 10, .low_bytes = 2});
  CountingWaker writer;
  EXPECT_EQ(pipe.write(as_bytes(pattern(100))), 10U);
  pipe.wait_writable(writer);
  pipe.consume(7);
  EXPECT_EQ(writer.count, 0);
  pipe.consume(1);
  EXPECT_EQ(writer.count, 1);
}

TEST(BodyPipeDeathTest, MoreThanThereIsIsABug) {
  BodyPipe pipe;
  pipe.write(as_bytes("ab"));
  EXPECT_DEATH(pipe.consume(3), "count <= size_");
  EXPECT_DEATH(pipe.commit(1), "count <= prepared_");
  EXPECT_DEATH(BodyPipe({.high_bytes = 1, .low_bytes = 1}), "low_bytes");
}

}  // namespace
}  // namespace godwit::http
