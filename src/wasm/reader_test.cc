#include "wasm/reader.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace godwit::wasm {
namespace {

std::string problem_of_u32(std::string_view text) {
  Reader reader(as_bytes(text));
  reader.u32();
  return std::string(reader.problem());
}

TEST(Reader, ReadsUnsignedNumbers) {
  Reader reader(as_bytes("\x05\xE5\x8E\x26\xFF\xFF\xFF\xFF\x0F"));
  EXPECT_EQ(reader.u32(), 5u);
  EXPECT_EQ(reader.u32(), 624485u);
  EXPECT_EQ(reader.u32(), std::numeric_limits<std::uint32_t>::max());
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.at_end());
}

TEST(Reader, RefusesNumbersBeyondTheirBits) {
  EXPECT_EQ(problem_of_u32("\xFF\xFF\xFF\xFF\x1F"), "integer too large");
  EXPECT_EQ(problem_of_u32("\x80\x80\x80\x80\x80\x01"), "integer representation too long");
  EXPECT_EQ(problem_of_u32("\x80"), "unexpected end");
  Reader wide(as_bytes("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x03"));
  wide.u64();
  EXPECT_EQ(wide.problem(), "integer too large");
}

TEST(Reader, ReadsSignedNumbers) {
  Reader reader(as_bytes("\x7F\xC0\xBB\x78\x80\x80\x80\x80\x08"));
  EXPECT_EQ(reader.s33(), -1);
  EXPECT_EQ(reader.s33(), -123456);
  EXPECT_EQ(reader.s33(), std::int64_t{1} << 31);
  EXPECT_TRUE(reader.ok());
  Reader lowest(as_bytes("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7F"));
  EXPECT_EQ(lowest.s64(), std::numeric_limits<std::int64_t>::min());
  Reader excess(as_bytes("\x80\x80\x80\x80\x20"));
  excess.s33();
  EXPECT_EQ(excess.problem(), "integer too large");
}

TEST(Reader, CountsAreBoundedByWhatIsLeft) {
  Reader fits(
      as_bytes("\x02"
               "abcd"));
  EXPECT_EQ(fits.count(2), 2u);
  Reader too_many(
      as_bytes("\x03"
               "abcd"));
  EXPECT_EQ(too_many.count(2), 0u);
  EXPECT_EQ(too_many.problem(), "more elements than bytes");
}

TEST(Reader, AFailureSticksAndKeepsItsPlace) {
  Reader reader(as_bytes("\x09"
                         "abc"),
                100);
  EXPECT_EQ(reader.name(), "");
  EXPECT_EQ(reader.problem(), "length beyond the end");
  EXPECT_EQ(reader.problem_offset(), 101u);
  EXPECT_EQ(reader.byte(), 0);
  EXPECT_TRUE(reader.take(1).empty());
  EXPECT_EQ(reader.problem(), "length beyond the end");
}

TEST(Reader, NamesMustBeUtf8) {
  Reader reader(as_bytes("\x02\xC3\x28"));
  reader.name();
  EXPECT_EQ(reader.problem(), "name is not UTF-8");
}

}  // namespace
}  // namespace godwit::wasm
