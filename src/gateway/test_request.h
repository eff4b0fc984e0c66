// For tests: a parsed request from its text, as it stands on the wire.
//
//   const ParsedRequest parsed("GET /greet?name=Ada HTTP/1.1\r\nHost: h\r\n\r\n");
//   use(parsed.request());
//
// A value of one thread; request() is valid as long as this is.
#pragma once

#include <string_view>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "http/parser.h"

namespace godwit::gateway::test {

class ParsedRequest final {
 public:
  explicit ParsedRequest(std::string_view text) {
    const auto step = parser_.feed(as_bytes(text));
    EXPECT_EQ(step.event, http::Event::kHead) << text;
  }
  const http::Request& request() const { return parser_.request(); }

 private:
  http::Parser parser_;
};

}  // namespace godwit::gateway::test
