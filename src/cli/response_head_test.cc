#include "cli/response_head.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace godwit::cli {
namespace {

using gateway::OutputState;

std::string type_of(std::string_view output, OutputState state,
                    const manifest::FunctionSpec& spec = {}) {
  http::BodyPipe pipe;
  pipe.write(as_bytes(output));
  const auto head = response_head(spec, pipe, state);
  if (!head || !head->has_value()) return "none";
  return std::string((*head)->fields.get("content-type").value_or("missing"));
}

TEST(ResponseHead, GuessesTheType) {
  constexpr const char* kText = "text/plain; charset=utf-8";
  constexpr const char* kBinary = "application/octet-stream";
  EXPECT_EQ(type_of("hello", OutputState::kEnded), kText);
  EXPECT_EQ(type_of("", OutputState::kEnded), kText);
  EXPECT_EQ(type_of("\x89PNG", OutputState::kEnded), kBinary);
  // The last character may be on its way.
  EXPECT_EQ(type_of("gr\xc3", OutputState::kMore), kText);
  EXPECT_EQ(type_of("gr\xc3", OutputState::kEnded), kBinary);
  EXPECT_EQ(type_of("\xff", OutputState::kEnded, {.content_type = "image/png"}), "image/png");
}

TEST(ResponseHead, TakesACgiHeaderOutOfTheOutput) {
  http::BodyPipe pipe;
  pipe.write(as_bytes("Status: 201 Created\nContent-Type: a/b\nX-Request-Id: mine\n\nbody"));
  const auto head =
      response_head({.response = manifest::ResponseMode::kCgi}, pipe, OutputState::kMore);
  ASSERT_TRUE(head && head->has_value());
  EXPECT_EQ((*head)->status, 201);
  EXPECT_FALSE((*head)->fields.contains("x-request-id"));
  EXPECT_EQ(as_text(pipe.peek()), "body");
}

TEST(ResponseHead, WaitsForTheEndOfTheCgiHeader) {
  http::BodyPipe pipe;
  pipe.write(as_bytes("Content-Type: a/b\n"));
  const manifest::FunctionSpec spec{.response = manifest::ResponseMode::kCgi};
  const auto more = response_head(spec, pipe, OutputState::kMore);
  ASSERT_TRUE(more);
  EXPECT_FALSE(more->has_value());
  const auto ended = response_head(spec, pipe, OutputState::kEnded);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::kBadCgiResponse);
}

}  // namespace
}  // namespace godwit::cli
