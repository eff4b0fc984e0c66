// When the head of a response goes out, and what is in it (docs/contract.md: "the head goes out
// when the guest ends, when 16 KiB are buffered, or when the guest waits with output unsent").
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_exchange.h"

namespace godwit::gateway {
namespace {

using namespace std::chrono_literals;
using test::TestExchange;
using testing::HasSubstr;

constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kBinary[] = "application/octet-stream";

TEST(ExchangeHead, WhatEndsBeforeHasItsLength) {
  TestExchange t;
  t.serve("f", "write 1 hello\n");
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.status, 200);
  EXPECT_EQ(t.writer.length, 5u);
  EXPECT_EQ(t.writer.field("Content-Type"), kText);
  EXPECT_EQ(t.writer.field("x-request-id"), t.exchange->request_id());
  EXPECT_TRUE(t.body_is_whole());
  EXPECT_EQ(t.take_body(), "hello");
  t.close();
}

TEST(ExchangeHead, NoOutputIsAnEmptyBody) {
  TestExchange t;
  t.serve("f", "exit 0\n");
  t.get("/f");
  EXPECT_EQ(t.writer.status, 200);
  EXPECT_EQ(t.writer.length, 0u);
  EXPECT_TRUE(t.exchange->response_body().at_end());
  t.close();
}

TEST(ExchangeHead, TheContentType) {
  const struct {
    const char* script;
    const char* configured;
    const char* expected;
  } rows[] = {
      {"write 1 \"caf\\xC3\\xA9\"\n", "", kText},
      {"write 1 \"\\xFF\\xFE\"\n", "", kBinary},
      {"write 1 \"cut \\xE2\\x82\"\n", "", kBinary},      // it ends inside a character
      {"write 1 \"cut \\xE2\\x82\"\nwait\n", "", kText},  // the rest may come
      {"write 1 \"\\xE2\\x28 no\"\nwait\n", "", kBinary},
      {"write 1 \"\\xFF\"\n", "image/png", "image/png"},
      {"write 1 {}\n", "application/json", "application/json"},
  };
  for (const auto& row : rows) {
    TestExchange t;
    t.serve("f", row.script, {.content_type = row.configured});
    t.get("/f");
    EXPECT_EQ(t.writer.field("Content-Type"), row.expected) << row.script;
    t.exchange->cancel();
    t.close(false);
  }
}

TEST(ExchangeHead, SixteenKilobytesAreTheMostThatIsHeldBack) {
  const struct {
    std::size_t size;
    bool has_length;
  } rows[] = {{16383, true}, {16384, true}, {16385, false}, {60'000, false}};
  for (const auto& row : rows) {
    TestExchange t;
    t.serve("f", "fill 1 " + std::to_string(row.size) + " x\n");
    t.get("/f");
    EXPECT_EQ(t.writer.responses, 1) << row.size;
    EXPECT_EQ(t.writer.length.has_value(), row.has_length) << row.size;
    EXPECT_EQ(t.writer.length.value_or(row.size), row.size);
    EXPECT_EQ(t.take_all_of_body(), std::string(row.size, 'x'));
    EXPECT_TRUE(t.body_is_whole());
    t.close();
  }
}

// A multi-byte character across the 16 KiB.
TEST(ExchangeHead, ACharacterAcrossTheEdgeIsStillText) {
  TestExchange t;
  t.serve("f", "fill 1 16383 x\nwrite 1 \"\\xC3\\xA9 and more\"\n");
  t.get("/f");
  EXPECT_FALSE(t.writer.length.has_value());
  EXPECT_EQ(t.writer.field("Content-Type"), kText);
  EXPECT_EQ(t.take_all_of_body().size(), 16383u + 11);
  t.close();
}

TEST(ExchangeHead, WaitingWithOutputSendsIt) {
  TestExchange t;
  t.serve("f", "write 1 first\nsleep_ms 2\nwrite 1 -second\n");
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.status, 200);
  EXPECT_FALSE(t.writer.length.has_value());
  EXPECT_EQ(t.take_body(), "first");
  EXPECT_FALSE(t.exchange->response_body().finished());
  t.loop.run_until([&] { return !t.exchange->running(); });
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.take_body(), "-second");
  EXPECT_TRUE(t.body_is_whole());
  t.close();
}

TEST(ExchangeHead, WaitingWithoutOutputSendsNothing) {
  TestExchange t;
  t.serve("f", "sleep_ms 1\nwrite 1 late\n");
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 0);
  t.loop.run_until([&] { return !t.exchange->running(); });
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.length, 4u);
  t.close();
}

TEST(ExchangeHead, ASlowReaderHoldsTheGuest) {
  constexpr std::size_t kSize = 300'000;
  TestExchange t;
  t.serve("f", "fill 1 300000 x\n");
  t.get("/f");
  EXPECT_TRUE(t.exchange->running());
  EXPECT_EQ(t.exchange->response_body().size(), http::BodyPipe::kHighBytes);
  t.loop.turn();
  EXPECT_EQ(t.exchange->response_body().size(), http::BodyPipe::kHighBytes);
  EXPECT_FALSE(t.loop.worker().has_ready()) << "the guest spins";
  EXPECT_EQ(t.take_all_of_body(), std::string(kSize, 'x'));
  t.close();
}

TEST(ExchangeHead, AHeadRequestIsTheConnectionsMatter) {
  TestExchange t;
  t.serve("f", "env REQUEST_METHOD\n");
  t.request("HEAD /f HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(t.writer.status, 200);
  EXPECT_EQ(t.writer.length, 4u);
  EXPECT_EQ(t.take_body(), "HEAD");
  t.close();
}

// --- response = "cgi" ---------------------------------------------------------------------------

manifest::FunctionSpec cgi() { return {.response = manifest::ResponseMode::kCgi}; }

TEST(ExchangeCgi, StatusAndFieldsAreTheGuestsTheBodyFollows) {
  TestExchange t;
  t.serve("f",
          "write 1 \"Status: 201 Made\\r\\nContent-Type: a/b\\r\\nSet-Cookie: x=1\\r\\n"
          "Content-Length: 999\\r\\n\\r\\nbody\"\n",
          cgi());
  t.get("/f");
  EXPECT_EQ(t.writer.status, 201);
  EXPECT_EQ(t.writer.length, 4u);
  EXPECT_EQ(t.writer.field("Content-Type"), "a/b");
  EXPECT_EQ(t.writer.field("Set-Cookie"), "x=1");
  EXPECT_EQ(t.writer.field("Content-Length"), "(none)");
  EXPECT_EQ(t.take_body(), "body");
  t.close();
}

TEST(ExchangeCgi, TheRequestIdIsOurs) {
  TestExchange t;
  t.serve("f", "write 1 \"Status: 200\\nX-Request-Id: forged\\nx-request-id: too\\n\\n\"\n", cgi());
  t.get("/f");
  EXPECT_EQ(t.writer.field("x-request-id"), t.exchange->request_id());
  EXPECT_EQ(t.writer.field("X-Request-Id"), "(none)");
  t.close();
}

TEST(ExchangeCgi, ABlockMayComeInPieces) {
  TestExchange t;
  t.serve("f",
          "write 1 \"Content-Ty\"\nsleep_ms 1\nwrite 1 \"pe: a/b\\n\"\nsleep_ms 1\n"
          "write 1 \"\\nbody\"\nsleep_ms 1\nwrite 1 \" more\"\n",
          cgi());
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 0) << "half a block is no head";
  t.loop.run_until([&] { return t.writer.responses == 1; });
  EXPECT_EQ(t.writer.field("Content-Type"), "a/b");
  EXPECT_FALSE(t.writer.length.has_value());
  t.loop.run_until([&] { return !t.exchange->running(); });
  EXPECT_EQ(t.take_body(), "body more");
  t.close();
}

TEST(ExchangeCgi, ALongBodyStreamsBehindTheBlock) {
  TestExchange t;
  t.serve("f", "write 1 \"Content-Type: a/b\\n\\n\"\nfill 1 200000 x\n", cgi());
  t.get("/f");
  EXPECT_FALSE(t.writer.length.has_value());
  EXPECT_EQ(t.take_all_of_body(), std::string(200'000, 'x'));
  t.close();
}

TEST(ExchangeCgi, WhatIsNoBlockIs500) {
  const char* scripts[] = {
      "write 1 \"plain text\"\n",
      "exit 0\n",                            // nothing at all
      "write 1 \"Content-Type: a/b\\n\"\n",  // not finished
      "write 1 \"Status: 99\\n\\n\"\n",
      "fill 1 100000 x\n",                // longer than a block may be
      "write 1 \"no block\\n\"\nwait\n",  // seen before the guest ends
      "write 1 \"Content-Type: a\\rInjected: b\\n\\n\"\n",
  };
  for (const char* script : scripts) {
    SCOPED_TRACE(script);
    TestExchange t;
    t.serve("f", script, cgi());
    t.get("/f");
    t.expect_problem(500, "E3004");
    t.close();
    EXPECT_THAT(t.log.text(), HasSubstr("code=E3004"));
  }
}

TEST(ExchangeCgi, AGuestThatFailsInsideItsBlockHasFailedNotMisspelt) {
  TestExchange t;
  t.serve("f", "write 1 \"Content-Type: a/b\\n\"\ntrap unreachable\n", cgi());
  t.get("/f");
  t.expect_problem(500, "E3001");
  t.close();
}

TEST(ExchangeCgi, TooManyFieldsToAddOurs) {
  std::string block = "Status: 200\\n";
  for (int i = 0; i < 100; ++i) block += "X: y\\n";
  TestExchange t;
  t.serve("f", "write 1 \"" + block + "\\n\"\n", cgi());
  t.get("/f");
  t.expect_problem(500, "E3004");
  t.close();
}

}  // namespace
}  // namespace godwit::gateway
