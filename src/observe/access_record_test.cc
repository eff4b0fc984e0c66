#include "observe/access_record.h"

#include <algorithm>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"

namespace godwit::observe {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string line_of(const AccessRecord& record, LogOptions options = {}) {
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  options.fd = nowhere.get();
  const Logger logger(options);
  std::string line;
  append_access_line(line, logger, record);
  return line;
}

AccessRecord good_record() {
  return {.method = "GET",
          .path = "/greet",
          .function = "greet",
          .client = "127.0.0.1",
          .request_id = "0123abcd",
          .status = 200,
          .bytes_in = 7,
          .bytes_out = 13,
          .duration = std::chrono::microseconds(1041),
          .cpu = std::chrono::nanoseconds(12'900)};
}

TEST(AccessLine, AFinishedRequest) {
  EXPECT_THAT(line_of(good_record()),
              HasSubstr(" info access: GET /greet status=200 function=greet bytes_in=7 "
                        "bytes_out=13 ms=1.041 cpu_us=12 client=127.0.0.1 request_id=0123abcd\n"));
}

TEST(AccessLine, OneThatFailedNamesTheCode) {
  AccessRecord record = good_record();
  record.code = "E3001";
  record.status = 500;
  EXPECT_THAT(line_of(record),
              HasSubstr(" GET /greet status=500 code=E3001 complete=true function=greet "));
}

TEST(AccessLine, OneThatWasCutOffSaysSo) {
  AccessRecord record = good_record();
  record.complete = false;
  EXPECT_THAT(line_of(record), HasSubstr(" complete=false "));
  record.complete = true;
  EXPECT_THAT(line_of(record), Not(HasSubstr("complete")));
}

TEST(AccessLine, NumbersAtTheirEnds) {
  AccessRecord record = good_record();
  record.status = 0;
  record.bytes_in = UINT64_MAX;
  record.duration = Nanoseconds::max();
  record.cpu = Nanoseconds(0);
  EXPECT_THAT(line_of(record), HasSubstr(" status=0 function=greet "));
  EXPECT_THAT(line_of(record), HasSubstr(" bytes_in=18446744073709551615 "));
  EXPECT_THAT(line_of(record), HasSubstr(" ms=9223372036854.775 cpu_us=0 "));
}

TEST(AccessLine, JsonHasTheSameNames) {
  const std::string line = line_of(good_record(), {.format = LogFormat::kJson});
  EXPECT_THAT(line, HasSubstr("\"message\":\"GET /greet\",\"status\":\"200\",\"function\":\"greet\""
                              ",\"bytes_in\":\"7\",\"bytes_out\":\"13\",\"ms\":\"1.041\""));
}

// The path comes from the client as it is.
TEST(AccessLine, AHostilePathStaysInItsLine) {
  AccessRecord record = good_record();
  record.path = "/a\nb\x1B[2J status=999";
  const std::string line = line_of(record);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(line.find('\x1B'), std::string::npos);
}

TEST(AccessLine, IsAppendedAndOnlyWhereInfoIsLogged) {
  EXPECT_EQ(line_of(good_record(), {.level = LogLevel::kWarning}), "");
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const Logger logger({.fd = nowhere.get()});
  std::string lines = "before\n";
  append_access_line(lines, logger, good_record());
  append_access_line(lines, logger, good_record());
  EXPECT_TRUE(lines.starts_with("before\n"));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
}

}  // namespace
}  // namespace godwit::observe
