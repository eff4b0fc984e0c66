#include "gateway/problem.h"

#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace godwit::gateway {
namespace {

TEST(Problem, TheDocument) {
  EXPECT_EQ(problem_body({.code = ErrorCode::kNoRoute, .request_id = "abc", .detail = {}}),
            "{\"type\":\"urn:godwit:error:E1008\",\"title\":\"No function is served at this path\","
            "\"status\":404,\"code\":\"E1008\",\"request_id\":\"abc\"}\n");
  EXPECT_EQ(
      problem_body({.code = ErrorCode::kNoRoute, .request_id = "", .detail = "a \"b\"\n"}),
      "{\"type\":\"urn:godwit:error:E1008\",\"title\":\"No function is served at this path\","
      "\"status\":404,\"code\":\"E1008\",\"request_id\":\"\",\"detail\":\"a \\\"b\\\"\\n\"}\n");
}

// A detail may hold what a guest printed.
TEST(Problem, ADetailOfAnyBytesStaysInItsString) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  const std::string body =
      problem_body({.code = ErrorCode::kGuestTrapped, .request_id = "id", .detail = bytes});
  EXPECT_TRUE(is_utf8(body));
  EXPECT_EQ(body.find('\n'), body.size() - 1);
  EXPECT_EQ(body.substr(body.size() - 3), "\"}\n");
}

TEST(Problem, EveryCodeHasAHead) {
  for (const ErrorInfo& info : all_errors()) {
    http::ResponseHead head;
    head.status = 200;
    ASSERT_TRUE(head.fields.append("X-Left", "over"));
    problem_head(info.code, head);
    EXPECT_EQ(head.status, info.http_status) << info.name;
    EXPECT_EQ(head.fields.get("content-type"), "application/problem+json") << info.name;
    EXPECT_EQ(head.fields.get("cache-control"), "no-store") << info.name;
    EXPECT_FALSE(head.fields.contains("X-Left")) << info.name;
    const bool try_again = info.http_status == 429 || info.http_status == 503;
    EXPECT_EQ(head.fields.contains("Retry-After"), try_again) << info.name;
  }
}

}  // namespace
}  // namespace godwit::gateway
