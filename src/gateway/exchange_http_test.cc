// Exchanges with functions that speak HTTP themselves: when their head goes out, and what becomes
// of an answer that is not whole.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_component.h"

namespace godwit::gateway {
namespace {

using engine::ComponentHost;
using engine::HttpField;
using engine::StreamStatus;
using test::ComponentStep;
using test::Next;
using test::serve_component;
using test::TestExchange;

constexpr auto kBody = engine::stream::kResponseBody;
constexpr char kPost[] = "POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n";

std::size_t write(ComponentHost& host, std::string_view text) {
  return host.write(kBody, as_bytes(text));
}

ComponentStep respond(std::uint16_t status, const std::vector<HttpField>& fields = {}) {
  return [=](ComponentHost& host) {
    EXPECT_TRUE(host.respond(status, fields));
    return Next::kStep;
  };
}
ComponentStep say(const std::string& text) {
  return [=](ComponentHost& host) {
    EXPECT_EQ(write(host, text), text.size());
    return Next::kStep;
  };
}
ComponentStep finish(const std::vector<HttpField>& trailers = {}) {
  return [=](ComponentHost& host) {
    EXPECT_TRUE(host.finish(kBody, trailers));
    return Next::kStep;
  };
}
Next wait_for_body(ComponentHost& host) {
  return host.wait_readable(engine::stream::kRequestBody) ? Next::kStep : Next::kWait;
}
Next trap(ComponentHost&) { return Next::kTrap; }

TEST(ExchangeHttp, AWholeAnswerGoesWithItsLength) {
  TestExchange t;
  const auto module = serve_component(
      t, "f", {respond(201, {{"x-a", "1"}, {"x-request-id", "mine"}}), say("hello"), finish()});
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.status, 201);
  EXPECT_EQ(t.writer.length, 5U);
  EXPECT_EQ(t.writer.field("x-a"), "1");
  EXPECT_EQ(t.writer.field("x-request-id"), t.exchange->request_id());
  EXPECT_EQ(t.take_body(), "hello");
  EXPECT_TRUE(t.body_is_whole());
  t.close();
  EXPECT_EQ(module->live, 0);
}

TEST(ExchangeHttp, TheHeadGoesOutWhenTheGuestWaits) {
  TestExchange t;
  serve_component(t, "f", {respond(200), say("a"), wait_for_body, say("b"), finish()});
  t.open(kPost);
  t.exchange->start();
  t.loop.turn();
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.length, std::nullopt);
  EXPECT_EQ(t.take_body(), "a");
  EXPECT_TRUE(t.exchange->waiting());
  EXPECT_EQ(t.exchange->request_body().write(as_bytes("body")), 4U);
  t.loop.turn();
  EXPECT_EQ(t.take_body(), "b");
  EXPECT_TRUE(t.body_is_whole());
  t.close();
}

TEST(ExchangeHttp, ALongBodyIsHeldBackForTheHeadAndGoesOn) {
  TestExchange t;
  const std::string text(100'000, 'x');
  std::size_t sent = 0;
  serve_component(t, "f",
                  {respond(200),
                   [&](ComponentHost& host) {
                     sent += write(host, std::string_view(text).substr(sent));
                     if (sent == text.size()) return Next::kStep;
                     return host.wait_writable(kBody) == 0 ? Next::kWait : Next::kStep;
                   },
                   finish()});
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 1);
  EXPECT_EQ(t.writer.length, std::nullopt);
  EXPECT_EQ(t.take_all_of_body(), text);
  EXPECT_TRUE(t.body_is_whole());
  t.close();
}

TEST(ExchangeHttp, TrailersForThoseWhoTakeThem) {
  TestExchange t;
  bool taken = true;
  const HttpField cookie{"set-cookie", "a=b"};
  serve_component(t, "good", {respond(200), say("x"), finish({{"x-sum", "1"}})});
  serve_component(t, "bad", {respond(200), say("x"), [&](ComponentHost& host) {
                               taken = host.finish(kBody, {&cookie, 1});
                               return Next::kEnd;
                             }});
  t.request("GET /good HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
  EXPECT_EQ(t.writer.length, std::nullopt);
  ASSERT_NE(t.exchange->response_trailers(), nullptr);
  EXPECT_EQ((*t.exchange->response_trailers())[0].value, "1");
  t.take_body();
  t.close();
  t.request("GET /bad HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
  EXPECT_FALSE(taken);
  EXPECT_EQ(t.exchange->response_trailers(), nullptr);
  EXPECT_EQ(t.take_body(), "x");
  EXPECT_TRUE(t.body_is_whole());
  t.close();
}

TEST(ExchangeHttp, WhatIsNoWholeAnswerIsAProblemWhileNothingIsOut) {
  const ComponentStep abort = [](ComponentHost& host) {
    host.abort(kBody);
    return Next::kEnd;
  };
  const ComponentStep error = [](ComponentHost& host) {
    host.respond_with_error("DNS-error");
    return Next::kEnd;
  };
  const struct {
    const char* code;
    std::vector<ComponentStep> steps;
  } rows[] = {{"E3007", {}},
              {"E3009", {error}},
              {"E3008", {respond(200), say("x"), abort}},
              {"E3008", {respond(200, {{"content-length", "5"}}), say("x"), finish()}},
              {"E3001", {trap}},
              {"E3001", {respond(200), say("x"), trap}}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.code);
    TestExchange t;
    serve_component(t, "f", row.steps);
    t.get("/f");
    t.expect_problem(500, row.code);
    t.close();
  }
}

TEST(ExchangeHttp, WhatIsNoWholeAnswerBreaksOffOnceTheHeadIsOut) {
  const ComponentStep abort = [](ComponentHost& host) {
    host.abort(kBody);
    return Next::kEnd;
  };
  for (const auto& [last, code] : {std::pair(abort, ErrorCode::kHttpResponseIncomplete),
                                   std::pair(ComponentStep(trap), ErrorCode::kGuestTrapped)}) {
    TestExchange t;
    serve_component(t, "f", {respond(200), say("x"), wait_for_body, last});
    t.open(kPost);
    t.exchange->start();
    t.loop.turn();
    EXPECT_EQ(t.writer.status, 200);
    EXPECT_EQ(t.exchange->request_body().write(as_bytes("body")), 4U);
    t.loop.turn();
    EXPECT_EQ(t.exchange->response_body().abort_reason(), code);
    EXPECT_FALSE(t.exchange->running());
    t.close(false);
  }
}

TEST(ExchangeHttp, ATrapBehindAWholeAnswerThatIsOutChangesNothing) {
  TestExchange t;
  serve_component(t, "f", {respond(200), say("x"), finish(), wait_for_body, trap});
  t.open(kPost);
  t.exchange->start();
  t.loop.turn();
  EXPECT_EQ(t.writer.length, 1U);
  EXPECT_EQ(t.exchange->request_body().write(as_bytes("body")), 4U);
  t.loop.turn();
  EXPECT_EQ(t.take_body(), "x");
  EXPECT_TRUE(t.body_is_whole());
  t.close();
}

TEST(ExchangeHttp, TheResponseLimitIsExactAndAskingIsNoAttempt) {
  for (const bool beyond : {false, true}) {
    SCOPED_TRACE(beyond);
    TestExchange t;
    serve_component(t, "f",
                    {respond(200), say(std::string(100, 'x')),
                     [=](ComponentHost& host) {
                       for (int i = 0; i < 3; ++i) EXPECT_EQ(host.wait_writable(kBody), 1U);
                       EXPECT_EQ(write(host, beyond ? "x" : ""), 0U);
                       return Next::kStep;
                     },
                     finish()},
                    {.limits = {.response_body_bytes = 100}});
    t.get("/f");
    if (beyond) {
      t.expect_problem(500, "E3005");
    } else {
      EXPECT_EQ(t.writer.status, 200);
      EXPECT_EQ(t.writer.length, 100U);
      EXPECT_TRUE(t.body_is_whole());
    }
    t.close();
  }
}

TEST(ExchangeHttp, ARequestThatBreaksOffIsToldAsFailure) {
  TestExchange t;
  std::optional<StreamStatus> seen;
  serve_component(t, "f", {respond(200), wait_for_body, [&](ComponentHost& host) {
                             std::array<std::byte, 8> buffer{};
                             seen = host.read(engine::stream::kRequestBody, buffer).status;
                             return Next::kEnd;
                           }});
  t.open(kPost);
  t.exchange->start();
  t.loop.turn();
  t.exchange->request_body().abort(ErrorCode::kCancelled);
  t.loop.turn();
  EXPECT_EQ(seen, StreamStatus::kFailed);
  t.close(false);
}

TEST(ExchangeHttp, AClientThatGoesTakesTheInstanceAlong) {
  TestExchange t;
  const auto module = serve_component(t, "f", {respond(200), wait_for_body, finish()});
  t.open(kPost);
  t.exchange->start();
  t.loop.turn();
  EXPECT_EQ(module->live, 1);
  t.exchange->cancel();
  t.loop.turn();
  t.close(false);
  EXPECT_EQ(module->live, 0);
}

TEST(ExchangeHttp, WithoutASandboxItIsTheServersFault) {
  TestExchange t;
  const auto module = serve_component(t, "f", {respond(200), finish()});
  module->full = true;
  t.get("/f");
  EXPECT_EQ(t.writer.responses, 0) << "it waits for one";
  t.loop.fire_as_if(std::chrono::seconds(2));
  t.expect_problem(503, "E4005");
  EXPECT_NE(t.writer.field("Retry-After"), "(none)");
  t.close();
}

}  // namespace
}  // namespace godwit::gateway
