#include "capability/log_output.h"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"

namespace godwit::capability {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Lines final : LineSink {
  void line(std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

void write(LogOutput& log, std::string_view text) {
  while (!text.empty()) {
    const MutableByteSpan room = log.prepare(text.size());
    ASSERT_FALSE(room.empty()) << "a log never fills up";
    const std::size_t size = std::min(room.size(), text.size());
    std::memcpy(room.data(), text.data(), size);
    log.commit(size);
    text.remove_prefix(size);
  }
}

TEST(LogOutput, SplitsLinesHoweverTheyArrive) {
  Lines sink;
  LogOutput log({}, sink);
  write(log, "one\ntw");
  EXPECT_THAT(sink.lines, ElementsAre("one"));
  write(log, "o\n\nthree\r\nlast");
  EXPECT_THAT(sink.lines, ElementsAre("one", "two", "", "three"));
  log.finish();
  EXPECT_THAT(sink.lines, ElementsAre("one", "two", "", "three", "last"));
  log.finish();
  EXPECT_EQ(sink.lines.size(), 5u) << "nothing is said twice";
  EXPECT_FALSE(log.truncated());
}

TEST(LogOutput, SplitsTheSameByteByByte) {
  const std::string text = "first line\nsecond \xC3\xA9\r\n\nrest";
  Lines whole_sink;
  LogOutput whole({}, whole_sink);
  write(whole, text);
  whole.finish();
  Lines single_sink;
  LogOutput single({}, single_sink);
  for (const char c : text) write(single, {&c, 1});
  single.finish();
  EXPECT_EQ(whole_sink.lines, single_sink.lines);
  EXPECT_EQ(whole_sink.lines.size(), 4u);
}

TEST(LogOutput, MakesControlCharactersHarmless) {
  Lines sink;
  LogOutput log({}, sink);
  write(log, std::string("a\x1B[31mred\x07 b\tc\x7F") + '\0' + "\rz\n");
  write(log, "c1 \xC2\x9B!\n");        // CSI as one C1 control
  write(log, "raw \x9B \xFF \xC3\n");  // not UTF-8
  write(log, "fine \xC3\xA9 \xE2\x82\xAC \xC2\xA0\n");
  EXPECT_THAT(sink.lines, ElementsAre("a?[31mred? b\tc???z", "c1 ?\?!", "raw ? ? ?",
                                      "fine \xC3\xA9 \xE2\x82\xAC \xC2\xA0"));
}

TEST(LogOutput, CutsLongLinesBetweenCharacters) {
  Lines sink;
  LogOutput log({}, sink);
  // Every piece would end in the middle of a three-byte character.
  std::string text = "x";
  while (text.size() < 3 * LogOutput::kMaxLineBytes) text += "\xE2\x82\xAC";
  write(log, text + "\n");
  std::string joined;
  for (const std::string& line : sink.lines) {
    EXPECT_LE(line.size(), LogOutput::kMaxLineBytes);
    EXPECT_TRUE(is_utf8(line));
    joined += line;
  }
  EXPECT_EQ(joined, text);
  EXPECT_GE(sink.lines.size(), 4u);
}

TEST(LogOutput, LineOfExactlyTheMaximumIsOneLine) {
  Lines sink;
  LogOutput log({}, sink);
  write(log, std::string(LogOutput::kMaxLineBytes - 1, 'a') + "\n");
  EXPECT_THAT(sink.lines, ElementsAre(std::string(LogOutput::kMaxLineBytes - 1, 'a')));
}

TEST(LogOutput, ContinuationBytesWithoutEndAreCutToo) {
  Lines sink;
  LogOutput log({}, sink);
  write(log, std::string(3 * LogOutput::kMaxLineBytes, '\x80'));
  log.finish();
  EXPECT_EQ(sink.lines.size(), 3u);
  EXPECT_EQ(sink.lines[0], std::string(LogOutput::kMaxLineBytes, '?'));
}

TEST(LogOutput, SaysOnceThatItWasTruncated) {
  Lines sink;
  LogOutput log({.limit_bytes = 10, .limit_lines = 100}, sink);
  write(log, "12345\n789012345\n");
  EXPECT_TRUE(log.truncated());
  for (int i = 0; i < 1000; ++i) write(log, std::string(10'000, 'x') + "\n");
  log.finish();
  ASSERT_EQ(sink.lines.size(), 3u);
  EXPECT_EQ(sink.lines[0], "12345");
  EXPECT_EQ(sink.lines[1], "7890") << "the part of the line that fitted";
  EXPECT_THAT(sink.lines[2], HasSubstr("limit"));
}

// Taken and dropped together are what was written (newlines of lines that went out included).
TEST(LogOutput, WhatIsDroppedIsCounted) {
  Lines sink;
  LogOutput bytes({.limit_bytes = 10, .limit_lines = 100}, sink);
  write(bytes, "12345\n7890");
  EXPECT_EQ(bytes.dropped_bytes(), 0u);
  write(bytes, "12345\n");
  EXPECT_EQ(bytes.dropped_bytes(), 6u);
  write(bytes, std::string(10'000, 'x'));
  EXPECT_EQ(bytes.dropped_bytes(), 10'006u);
  LogOutput lines({.limit_bytes = 1000, .limit_lines = 2}, sink);
  write(lines, "1\n2\nthree\nfour");
  EXPECT_EQ(lines.dropped_bytes(), 10u);
  LogOutput unfinished({.limit_bytes = 8, .limit_lines = 2}, sink);
  write(unfinished, "1\n2\nabc");
  write(unfinished, "defg");
  EXPECT_EQ(unfinished.dropped_bytes(), 7u) << "there was room for bytes, but for no line";
}

TEST(LogOutput, ExactlyTheLimitIsNotTruncated) {
  Lines sink;
  LogOutput log({.limit_bytes = 6, .limit_lines = 100}, sink);
  write(log, "12345\n");
  log.finish();
  EXPECT_FALSE(log.truncated());
  EXPECT_THAT(sink.lines, ElementsAre("12345"));
}

TEST(LogOutput, EmptyLinesAreBoundedToo) {
  Lines sink;
  LogOutput log({.limit_bytes = 64 << 10}, sink);
  write(log, std::string(64 << 10, '\n'));
  EXPECT_EQ(sink.lines.size(), 4096u + 1) << "lines, and the notice";
  EXPECT_TRUE(log.truncated());
}

TEST(LogOutput, LimitOfZeroDropsEverything) {
  Lines sink;
  LogOutput log({.limit_bytes = 0}, sink);
  write(log, "text\n");
  log.finish();
  EXPECT_EQ(sink.lines.size(), 1u);
}

}  // namespace
}  // namespace godwit::capability
