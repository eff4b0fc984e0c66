// The parts of the load generator that figures depend on.
#include <string>

#include <gtest/gtest.h>

#include "latency_histogram.h"
#include "response_reader.h"

namespace godwit::bench {
namespace {

using State = ResponseReader::State;

TEST(LatencyHistogramTest, SmallValuesAreExact) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.at(0.5), 0U);
  for (std::uint64_t i = 1; i <= 100; ++i) histogram.add(i);
  EXPECT_EQ(histogram.at(0.5), 50U);
  EXPECT_EQ(histogram.at(0.99), 99U);
  EXPECT_EQ(histogram.at(1), 100U);
  EXPECT_EQ(histogram.max(), 100U);
  EXPECT_EQ(histogram.count(), 100U);
}

TEST(LatencyHistogramTest, LargeValuesAreWithinOnePercent) {
  for (std::uint64_t value = 1; value < 3'000'000'000; value = value * 3 / 2 + 1) {
    LatencyHistogram histogram;
    histogram.add(value);
    histogram.add(3'500'000'000);  // so that the maximum does not bound it
    EXPECT_GE(histogram.at(0.5), value);
    EXPECT_LE(histogram.at(0.5), value + value / 100) << value;
  }
}

State feed_in_pieces(ResponseReader& reader, const std::string& text, std::size_t size) {
  State state = State::kMore;
  for (std::size_t at = 0; at < text.size() && state == State::kMore; at += size) {
    state = reader.feed(std::string_view(text).substr(at, size));
    if (state == State::kComplete && at + size < text.size()) return State::kBroken;
  }
  return state;
}

TEST(ResponseReaderTest, FindsTheEndInAnyPieces) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunked =
      "HTTP/1.1 429 Busy\r\nTRANSFER-ENCODING: chunked\r\nRetry-After: 1\r\n\r\n"
      "5\r\nhello\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nTrailer: 1\r\n\r\n";
  for (std::size_t size = 1; size < chunked.size() + 1; ++size) {
    ResponseReader reader;
    EXPECT_EQ(feed_in_pieces(reader, length, size), State::kComplete) << size;
    EXPECT_EQ(reader.status(), 200);
    EXPECT_FALSE(reader.has_retry_after());
    reader.next();
    EXPECT_EQ(feed_in_pieces(reader, chunked, size), State::kComplete) << size;
    EXPECT_EQ(reader.status(), 429);
    EXPECT_TRUE(reader.has_retry_after());
  }
}

TEST(ResponseReaderTest, ABreakIsNoEnd) {
  ResponseReader reader;
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), State::kMore);
  EXPECT_FALSE(reader.closed());
  reader.next();
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhell"), State::kMore);
  EXPECT_TRUE(reader.closed());
  EXPECT_TRUE(reader.closes());
}

TEST(ResponseReaderTest, NonsenseIsBroken) {
  for (const char* text : {"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 99 No\r\n\r\n", "\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"}) {
    ResponseReader reader;
    EXPECT_EQ(reader.feed(text), State::kBroken) << text;
  }
}

}  // namespace
}  // namespace godwit::bench
