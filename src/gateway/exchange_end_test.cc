// Exchanges that end before their time: the client is gone, its body is bad, it does not read, the
// worker goes away. Nothing leaks (TestExchange looks), and the object serves the next request.
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_exchange.h"

namespace godwit::gateway {
namespace {

using namespace std::chrono_literals;
using test::TestExchange;
using testing::HasSubstr;

constexpr char kPost[] = "POST /f HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

void expect_next_request_is_served(TestExchange& t) {
  t.writer.responses = 0;
  t.serve("next", "echo\nwrite 1 fresh\n");
  t.request("POST /next HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", ".");
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.status, 200);
  EXPECT_EQ(t.writer.length, 6u);
  EXPECT_EQ(t.take_body(), ".fresh");
  t.close();
}

TEST(ExchangeEnd, ABadBodyBeforeTheGuestStarts) {
  TestExchange t;
  t.serve("f", "echo\n");
  t.open(kPost);
  t.exchange->request_body().abort(ErrorCode::kRequestBodyTooLarge);
  t.exchange->fail_request(ErrorCode::kRequestBodyTooLarge);
  t.expect_problem(413, "E1003");
  t.close();
  expect_next_request_is_served(t);
}

TEST(ExchangeEnd, ABadBodyWhileTheGuestWaitsForIt) {
  TestExchange t;
  t.serve("f", "echo\n");
  t.open(kPost);
  t.exchange->start();
  EXPECT_TRUE(t.exchange->running());
  t.exchange->request_body().abort(ErrorCode::kBadRequest);
  t.exchange->fail_request(ErrorCode::kBadRequest);
  t.expect_problem(400, "E1001");
  t.loop.turn();
  EXPECT_EQ(t.writer.responses, 1);
  t.close();
  expect_next_request_is_served(t);
}

TEST(ExchangeEnd, ABadBodyAfterTheHeadAbortsTheResponse) {
  TestExchange t;
  t.serve("f", "echo\n");
  t.open(kPost);
  t.exchange->start();
  t.exchange->request_body().write(as_bytes("first"));
  t.loop.turn();
  ASSERT_EQ(t.writer.responses, 1);
  t.exchange->request_body().abort(ErrorCode::kRequestBodyTooLarge);
  t.exchange->fail_request(ErrorCode::kRequestBodyTooLarge);
  t.loop.turn();
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_TRUE(t.exchange->response_body().aborted());
  EXPECT_FALSE(t.body_is_whole());
  t.close(false);
  EXPECT_THAT(t.log.text(), HasSubstr("status=200 code=E1003 complete=false"));
  expect_next_request_is_served(t);
}

// The response's pipe is full, its reader slow, and the request fails: the guest must not be tried
// again and again for a pipe that never has room.
TEST(ExchangeEnd, AGuestBeforeAFullPipeDoesNotSpinWhenTheRequestFails) {
  TestExchange t;
  t.serve("f", "fill 1 1000000 x\n");
  t.open(kPost);
  t.exchange->start();
  t.loop.turn();
  ASSERT_EQ(t.exchange->response_body().size(), http::BodyPipe::kHighBytes);
  t.exchange->request_body().abort(ErrorCode::kRequestBodyTooLarge);
  t.exchange->fail_request(ErrorCode::kRequestBodyTooLarge);
  t.loop.turn(100);
  EXPECT_FALSE(t.loop.worker().has_ready()) << "the guest is resumed for ever";
  t.close(false);
}

TEST(ExchangeEnd, TheClientGoesAwayInEveryState) {
  const struct {
    const char* name;
    const char* script;
    bool started;
    int responses;
  } rows[] = {
      {"before the start", "echo\n", false, 0},     {"waiting for the body", "echo\n", true, 0},
      {"yielded", "yield 1000000\n", true, 0},      {"asleep", "sleep_ms 10000\n", true, 0},
      {"streaming", "fill 1 1000000 x\n", true, 1}, {"ended", "write 1 x\n", true, 1},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    TestExchange t;
    t.serve("f", row.script);
    t.open(kPost);
    if (row.started) t.exchange->start();
    t.loop.turn(3);
    t.exchange->cancel();
    t.exchange->cancel();
    EXPECT_EQ(t.writer.responses, row.responses) << "a client that is gone was answered";
    EXPECT_EQ(t.functions.live_instances(), 0u);
    t.close(false);
    t.loop.turn();
    EXPECT_EQ(t.writer.responses, row.responses);
    EXPECT_THAT(t.log.text(), HasSubstr("code=E3006 complete=false"));
    expect_next_request_is_served(t);
  }
}

TEST(ExchangeEnd, ClosingARunningOneEndsIt) {
  TestExchange t;
  t.serve("f", "wait\n");
  t.open(kPost);
  t.exchange->start();
  t.close(false);
  EXPECT_EQ(t.functions.live_instances(), 0u);
  expect_next_request_is_served(t);
}

TEST(ExchangeEnd, DestroyingItInEveryState) {
  for (const char* script :
       {"echo\n", "yield 1000000\n", "sleep_ms 10000\n", "fill 1 1000000 x\n", "write 1 x\n"}) {
    SCOPED_TRACE(script);
    TestExchange t;
    t.serve("f", script);
    t.open(kPost);
    t.exchange->start();
    t.loop.turn(3);
    t.exchange.reset();
    EXPECT_EQ(t.functions.live_instances(), 0u);
    t.loop.turn();
    EXPECT_EQ(t.loop.worker().timers().size(), 0u);
  }
}

TEST(ExchangeEnd, TheWallClockCountsUntilTheLastByteIsTaken) {
  TestExchange t;
  t.serve("f", "write 1 slowly-read\n", {.limits = {.timeout = 10s}});
  t.get("/f");
  ASSERT_EQ(t.writer.length, 11u);
  t.loop.fire_as_if(9s);
  EXPECT_EQ(t.writer.expired, 0);
  t.loop.fire_as_if(11s);
  EXPECT_EQ(t.writer.expired, 1) << "the connection is not told";
  t.close(false);
  EXPECT_THAT(t.log.text(), HasSubstr("code=E4003 complete=false"));
  expect_next_request_is_served(t);
  EXPECT_EQ(t.writer.expired, 1);
}

// Nothing is on its way then: the client gets its 504.
TEST(ExchangeEnd, ADeadlineBeforeTheHeadDoesNotResetTheConnection) {
  TestExchange t;
  t.serve("f", "wait\n", {.limits = {.timeout = 10s}});
  t.get("/f");
  t.loop.fire_as_if(11s);
  t.loop.fire_as_if(100s);
  EXPECT_EQ(t.writer.expired, 0);
  t.expect_problem(504, "E4003");
  t.close();
}

TEST(ExchangeEnd, AGuestThatIsHeldByASlowReaderMeetsItsDeadline) {
  TestExchange t;
  t.serve("f", "fill 1 1000000 x\n", {.limits = {.timeout = 10s}});
  t.get("/f");
  EXPECT_TRUE(t.exchange->running());
  t.loop.fire_as_if(11s);
  EXPECT_FALSE(t.exchange->running());
  EXPECT_EQ(t.writer.expired, 1) << "the reader holds its connection for ever";
  EXPECT_EQ(t.exchange->response_body().abort_reason(), ErrorCode::kDeadline);
  t.close(false);
  EXPECT_THAT(t.log.text(), HasSubstr("code=E4003"));
}

TEST(ExchangeEnd, AnAdoptedTableDoesNotChangeWhatHasBegun) {
  TestExchange t;
  t.serve("f", "echo\nwrite 1 old\n");
  t.open(kPost);
  t.exchange->start();
  t.gateway.adopt(std::make_shared<const RouteTable>(std::vector<Route>{}));
  t.exchange->request_body().finish();
  t.loop.turn();
  EXPECT_EQ(t.take_body(), "old");
  t.close();
  t.open("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(t.writer.status, 404);
  t.close();
}

}  // namespace
}  // namespace godwit::gateway
