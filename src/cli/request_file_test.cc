#include "cli/request_file.h"

#include <gtest/gtest.h>

namespace godwit::cli {
namespace {

constexpr std::uint64_t kLimit = 100;

TEST(RequestFile, CompletesWhatPeopleWrite) {
  EXPECT_EQ(complete_request("GET /x"), "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(complete_request("\n\nGET /x HTTP/1.0\nA: b\n\n\n"), "GET /x HTTP/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(complete_request("POST /x\nHOST: h\n\nbody\n"),
            "POST /x HTTP/1.1\r\nHOST: h\r\nContent-Length: 5\r\n\r\nbody\n");
  EXPECT_EQ(complete_request("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab"),
            "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab");
}

TEST(RequestFile, ReadsHeadAndBody) {
  const auto file = RequestFile::parse("POST /a?b=c\nX-Y: z\n\n{\"a\": 1}", kLimit);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ((*file)->request().method, "POST");
  EXPECT_EQ((*file)->request().path, "/a");
  EXPECT_EQ((*file)->request().query, "b=c");
  EXPECT_EQ((*file)->request().fields.get("x-y"), "z");
  EXPECT_EQ((*file)->request().content_length, 8U);
  EXPECT_EQ((*file)->body(), "{\"a\": 1}");
}

TEST(RequestFile, ReadsChunkedBodies) {
  const auto file = RequestFile::parse(
      "POST /a\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", kLimit);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ((*file)->body(), "abcde");
}

ErrorCode code_of(std::string_view text) {
  const auto file = RequestFile::parse(text, kLimit);
  EXPECT_FALSE(file) << text;
  return file ? ErrorCode::kInternal : file.error().code;
}

TEST(RequestFile, RefusesWhatAServerRefuses) {
  EXPECT_EQ(code_of(""), ErrorCode::kBadRequest);
  EXPECT_EQ(code_of("\n\n"), ErrorCode::kBadRequest);
  EXPECT_EQ(code_of("GET"), ErrorCode::kBadRequest);
  EXPECT_EQ(code_of("GET /x\nbad header\n\n"), ErrorCode::kBadRequest);
  EXPECT_EQ(code_of("BREW /x\n\n"), ErrorCode::kMethodNotAllowed);
  EXPECT_EQ(code_of("GET /x HTTP/2.0\n\n"), ErrorCode::kUnsupportedHttpVersion);
  EXPECT_EQ(code_of("GET /x\nExpect: tea\n\n"), ErrorCode::kExpectationFailed);
  EXPECT_EQ(code_of(std::string("GET /") + std::string(10'000, 'x')), ErrorCode::kTargetTooLong);
}

TEST(RequestFile, RefusesBodiesThatDoNotFit) {
  EXPECT_EQ(code_of("POST /x\nContent-Length: 5\n\nabc"), ErrorCode::kBadRequest);
  EXPECT_EQ(code_of("POST /x\nContent-Length: 2\n\nabc"), ErrorCode::kBadRequest);
  EXPECT_EQ(code_of("POST /x\n\n" + std::string(kLimit + 1, 'x')), ErrorCode::kRequestBodyTooLarge);
  EXPECT_TRUE(RequestFile::parse("POST /x\n\n" + std::string(kLimit, 'x'), kLimit));
}

}  // namespace
}  // namespace godwit::cli
