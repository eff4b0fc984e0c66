#include "base/units.h"

#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace godwit {
namespace {

using namespace std::chrono_literals;

TEST(ParseSize, Good) {
  const struct {
    std::string_view text;
    std::uint64_t bytes;
  } rows[] = {
      {"0B", 0},
      {"1B", 1},
      {"64KiB", 65536},
      {"10MiB", 10485760},
      {"2GiB", 2147483648},
      {"1TiB", 1099511627776},
      {"1KB", 1000},
      {"5MB", 5'000'000},
      {"1GB", 1'000'000'000},
      {"1.5KiB", 1536},
      {".5MiB", 524288},
      {"64 MiB", 67108864},
      {"0064MiB", 67108864},
      {"4503599627370497B", 4503599627370497},
      {"8000000TiB", 8000000ULL << 40},
  };
  for (const auto& row : rows) {
    const auto size = parse_size(row.text);
    ASSERT_TRUE(size) << row.text;
    EXPECT_EQ(*size, row.bytes) << row.text;
  }
}

TEST(ParseSize, Bad) {
  const struct {
    std::string_view text;
    ErrorCode code;
  } rows[] = {
      {"64", ErrorCode::kUnitMissing},
      {"64 ", ErrorCode::kUnitMissing},
      {"0", ErrorCode::kUnitMissing},
      {"1.5", ErrorCode::kUnitMissing},
      {"", ErrorCode::kConfigBadValue},
      {"MiB", ErrorCode::kConfigBadValue},
      {"-1MiB", ErrorCode::kConfigBadValue},
      {"-0MiB", ErrorCode::kConfigBadValue},
      {"+1MiB", ErrorCode::kConfigBadValue},
      {" 1MiB", ErrorCode::kConfigBadValue},
      {"1MiB ", ErrorCode::kConfigBadValue},
      {"1mib", ErrorCode::kConfigBadValue},
      {"1M", ErrorCode::kConfigBadValue},
      {"1MiBx", ErrorCode::kConfigBadValue},
      {"1ms", ErrorCode::kConfigBadValue},
      {"1e3B", ErrorCode::kConfigBadValue},
      {"0x10B", ErrorCode::kConfigBadValue},
      {"1,5MiB", ErrorCode::kConfigBadValue},
      {"infB", ErrorCode::kConfigBadValue},
      {"nanB", ErrorCode::kConfigBadValue},
      {"9000000TiB", ErrorCode::kConfigBadValue},  // beyond 63 bits
      {"99999999999999999999999999999999GiB", ErrorCode::kConfigBadValue},
      {std::string_view("1\0B", 3), ErrorCode::kConfigBadValue},
  };
  for (const auto& row : rows) {
    const auto size = parse_size(row.text);
    ASSERT_FALSE(size) << row.text;
    EXPECT_EQ(size.error().code, row.code) << row.text;
  }
}

TEST(ParseSize, ABareNumberIsToldWhichUnitToAdd) {
  const auto size = parse_size("128");
  ASSERT_FALSE(size);
  EXPECT_NE(size.error().detail.find("MiB"), std::string::npos) << size.error().detail;
  EXPECT_NE(size.error().detail.find("\"128\""), std::string::npos) << size.error().detail;
}

TEST(ParseSize, MoreDigitsThanANumberHas) {
  const std::string nines(400, '9');
  EXPECT_FALSE(parse_size(nines + "B"));
  const auto zeros = parse_size(std::string(5000, '0') + "7B");
  ASSERT_TRUE(zeros);
  EXPECT_EQ(*zeros, 7u);
}

TEST(ParseDuration, Good) {
  const struct {
    std::string_view text;
    std::chrono::nanoseconds time;
  } rows[] = {
      {"0s", 0ns},      {"7ns", 7ns},    {"250us", 250us},       {"50ms", 50ms},
      {"1.5s", 1500ms}, {"30 s", 30s},   {"2m", 2min},           {"1h", 1h},
      {"0.5us", 500ns}, {"24h", 86400s}, {"2000000h", 2000000h},
  };
  for (const auto& row : rows) {
    const auto time = parse_duration(row.text);
    ASSERT_TRUE(time) << row.text;
    EXPECT_EQ(*time, row.time) << row.text;
  }
}

TEST(ParseDuration, Bad) {
  const struct {
    std::string_view text;
    ErrorCode code;
  } rows[] = {
      {"30", ErrorCode::kUnitMissing},       {"1.5", ErrorCode::kUnitMissing},
      {"", ErrorCode::kConfigBadValue},      {"s", ErrorCode::kConfigBadValue},
      {"-1s", ErrorCode::kConfigBadValue},   {"1S", ErrorCode::kConfigBadValue},
      {"1d", ErrorCode::kConfigBadValue},    {"1min", ErrorCode::kConfigBadValue},
      {"1MiB", ErrorCode::kConfigBadValue},  {"1h30m", ErrorCode::kConfigBadValue},
      {"inf s", ErrorCode::kConfigBadValue}, {"3000000h", ErrorCode::kConfigBadValue},
  };
  for (const auto& row : rows) {
    const auto time = parse_duration(row.text);
    ASSERT_FALSE(time) << row.text;
    EXPECT_EQ(time.error().code, row.code) << row.text;
  }
}

TEST(FormatSize, ExactWhereAUnitDivides) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1), "1B");
  EXPECT_EQ(format_size(1023), "1023B");
  EXPECT_EQ(format_size(1024), "1KiB");
  EXPECT_EQ(format_size(1536), "1.5KiB");
  EXPECT_EQ(format_size(67108864), "64MiB");
  EXPECT_EQ(format_size(std::uint64_t{3} << 40), "3TiB");
  EXPECT_EQ(format_size(UINT64_MAX), "16777216.0TiB");
}

TEST(FormatDuration, TheLargestUnitThatDivides) {
  EXPECT_EQ(format_duration(0ns), "0s");
  EXPECT_EQ(format_duration(7ns), "7ns");
  EXPECT_EQ(format_duration(200ms), "200ms");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(7200s), "2h");
}

// What is formatted exactly is read back as what it was.
TEST(Units, ReadBackWhatTheyWrite) {
  for (std::uint64_t bytes = 1; bytes <= std::uint64_t{1} << 40; bytes <<= 1) {
    EXPECT_EQ(parse_size(format_size(bytes)), bytes) << format_size(bytes);
  }
  for (std::int64_t ns = 1; ns <= 3'600'000'000'000; ns *= 2) {
    const std::chrono::nanoseconds time(ns);
    EXPECT_EQ(parse_duration(format_duration(time)), time) << format_duration(time);
  }
}

}  // namespace
}  // namespace godwit
