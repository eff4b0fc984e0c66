// A pipe while memory is scarce: narrow, and wide again.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "http/body_pipe.h"

namespace godwit::http {
namespace {

class CountingWaker final : public Waker {
 public:
  void wake() noexcept override { ++count; }
  int count = 0;
};

std::string pattern(std::size_t size) { return std::string(size, 'x'); }

// The bound that a scarce time relies on; and the widening after it must not need more blocks than
// there are places for.
TEST(BodyPipe, ANarrowPipeHoldsLittleAndMayBecomeWideAtAnyMoment) {
  for (std::size_t step = 1; step < 9000; step = step * 3 + 1) {
    BodyPipe pipe;
    pipe.write(as_bytes(pattern(60'000)));
    const std::string text = pattern(step);
    for (int turn = 0; turn < 20; ++turn) {
      pipe.set_width(BodyPipe::Width::kNarrow);
      EXPECT_EQ(pipe.writable_bytes(), 0U);
      pipe.consume(pipe.size() - 1);  // what was queued while it was wide is read
      for (int round = 0; round < 300; ++round) {
        pipe.write(as_bytes(text));
        ASSERT_LE(pipe.size(), BodyPipe::kNarrowHighBytes);
        pipe.consume(std::min(pipe.size() - 1, step / 2 + 1));
        if (round > 250) {
          ASSERT_LE(pipe.capacity_bytes(), BodyPipe::kNarrowCapacityBytes) << step;
        }
      }
      while (pipe.write(as_bytes(text)) > 0) {
      }
      pipe.set_width(BodyPipe::Width::kFull);
      while (pipe.write(as_bytes(text)) > 0) {
      }
      ASSERT_EQ(pipe.size(), BodyPipe::kHighBytes);
    }
  }
}

TEST(BodyPipe, AWriterThatWaitsForALittleIsWokenWhenThePipeBecomesWide) {
  BodyPipe pipe;
  pipe.set_width(BodyPipe::Width::kNarrow);
  CountingWaker writer;
  EXPECT_EQ(pipe.write(as_bytes(pattern(100'000))), BodyPipe::kNarrowHighBytes);
  pipe.wait_writable(writer);
  EXPECT_EQ(writer.count, 0);
  pipe.consume(1);
  EXPECT_EQ(writer.count, 0) << "it would have been woken while it was wide";
  pipe.set_width(BodyPipe::Width::kFull);
  EXPECT_EQ(writer.count, 1);
}

}  // namespace
}  // namespace godwit::http
