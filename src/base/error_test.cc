#include "base/error.h"

#include <cerrno>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace godwit {
namespace {

int number_of(const ErrorInfo& info) { return static_cast<int>(info.code); }

TEST(ErrorCatalogue, EveryNumberAndEveryNameIsThereOnce) {
  std::set<int> numbers;
  std::set<std::string_view> names;
  for (const ErrorInfo& info : all_errors()) {
    EXPECT_TRUE(numbers.insert(number_of(info)).second) << number_of(info);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
  EXPECT_GT(numbers.size(), 40u);
}

TEST(ErrorCatalogue, EveryRowSaysWhatWhoAndWhatNext) {
  for (const ErrorInfo& info : all_errors()) {
    SCOPED_TRACE(info.name);
    EXPECT_TRUE(number_of(info) >= 1000 && number_of(info) < 8000) << number_of(info);
    EXPECT_TRUE(info.name.starts_with('k'));
    EXPECT_GT(info.title.size(), 10u);
    EXPECT_FALSE(info.title.ends_with('.')) << "titles are continued with \": detail\"";
    EXPECT_GT(info.next_step.size(), 10u);
    EXPECT_TRUE(info.next_step.ends_with('.'));
    EXPECT_FALSE(blame_text(info.blame).empty());
    for (const char c : std::string(info.title) + std::string(info.next_step)) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20) << "a control character";
    }
  }
}

TEST(ErrorCatalogue, TheStatusFollowsFromThePhaseAndTheBlame) {
  for (const ErrorInfo& info : all_errors()) {
    SCOPED_TRACE(info.name);
    EXPECT_TRUE(info.http_status >= 400 && info.http_status <= 599);
    if (number_of(info) / 1000 == 1) {
      EXPECT_EQ(info.blame, Blame::kClient);
    }
    if (number_of(info) / 1000 == 2) {
      EXPECT_EQ(info.http_status, 503);  // it can't be loaded
    }
    if (info.blame != Blame::kClient && info.code != ErrorCode::kFunctionBusy) {
      EXPECT_GE(info.http_status, 500);
    }
  }
}

// The contract's table of status codes.
TEST(ErrorCatalogue, TheContractsStatuses) {
  const struct {
    ErrorCode code;
    int number;
    int status;
  } rows[] = {
      {ErrorCode::kNoRoute, 1008, 404},        {ErrorCode::kBadRequest, 1001, 400},
      {ErrorCode::kRequestTimeout, 1002, 408}, {ErrorCode::kRequestBodyTooLarge, 1003, 413},
      {ErrorCode::kTargetTooLong, 1004, 414},  {ErrorCode::kHeaderFieldsTooLarge, 1005, 431},
      {ErrorCode::kGuestTrapped, 3001, 500},   {ErrorCode::kGuestExited, 3002, 500},
      {ErrorCode::kBadCgiResponse, 3004, 500}, {ErrorCode::kOutOfMemory, 4001, 500},
      {ErrorCode::kCpuLimit, 4002, 504},       {ErrorCode::kDeadline, 4003, 504},
      {ErrorCode::kFunctionBusy, 4004, 429},   {ErrorCode::kServerOverloaded, 4005, 503},
      {ErrorCode::kDraining, 4006, 503},       {ErrorCode::kUnknownImport, 2003, 503},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(static_cast<int>(row.code), row.number);
    EXPECT_EQ(error_info(row.code).http_status, row.status) << row.number;
  }
}

TEST(ErrorCode, ItsTextIsReadBackInEverySpelling) {
  for (const ErrorInfo& info : all_errors()) {
    const std::string text = error_code_text(info.code);
    ASSERT_EQ(text.size(), 5u);
    EXPECT_EQ(parse_error_code(text), info.code);
    EXPECT_EQ(parse_error_code("e" + text.substr(1)), info.code);
    EXPECT_EQ(parse_error_code(text.substr(1)), info.code);
  }
}

TEST(ErrorCode, WhatIsNoCodeIsRefused) {
  for (const std::string_view text :
       {"", "E", "e", "EE3004", "E300", "E30040", "X3004", "E3004 ", " E3004", "E+300", "E-300",
        "3004E", "E0000", "0000", "E9999", "99999", "70536", "E3oo4", "E30\0004"}) {
    EXPECT_EQ(parse_error_code(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Error, TextAndNextStep) {
  const Error bare{ErrorCode::kNoRoute, {}, {}};
  EXPECT_EQ(bare.text(), "E1008: No function is served at this path");
  EXPECT_EQ(bare.next_step(), error_info(ErrorCode::kNoRoute).next_step);
  const Error full{ErrorCode::kNoRoute, "/x", "Try /y."};
  EXPECT_EQ(full.text(), "E1008: No function is served at this path: /x");
  EXPECT_EQ(full.next_step(), "Try /y.");
}

Result<int> halve(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kConfigBadValue, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  auto half = halve(value);
  if (!half) return fail(std::move(half.error()));
  return halve(*half);
}

TEST(Result, CarriesTheValueOrTheErrorUpwards) {
  EXPECT_EQ(quarter(12), 3);
  const auto failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kConfigBadValue);
  EXPECT_EQ(failed.error().detail, "odd");
}

TEST(ErrnoText, NamesTheReason) {
  EXPECT_EQ(errno_text(ENOENT), "No such file or directory");
  errno = EACCES;
  EXPECT_EQ(errno_text(), "Permission denied");
  EXPECT_FALSE(errno_text(99999).empty());
}

}  // namespace
}  // namespace godwit
