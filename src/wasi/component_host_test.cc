// ComponentHost over capabilities that are moved by hand.
#include "wasi/component_host.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capability/manual.h"
#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

using namespace std::chrono_literals;
using capability::OutboundFailure;
using capability::OutboundState;
using engine::HttpField;
using engine::StreamStatus;
namespace stream = engine::stream;

// What became of the calls of a test, also after they are gone.
struct CallLog {
  int begun = 0;
  int destroyed = 0;
};

class FakeCall final : public capability::OutboundCall {
 public:
  FakeCall(CallLog& log, capability::OutboundRequest asked) : request(std::move(asked)), log_(log) {
    ++log_.begun;
  }
  ~FakeCall() override { ++log_.destroyed; }

  capability::OutputStream& request_body() override { return sent; }
  void finish_request(const http::Fields* behind) override {
    finished = true;
    trailer_count = behind != nullptr ? behind->size() : 0;
  }
  OutboundState state() const override { return now; }
  OutboundFailure failure() const override { return why.value(); }
  const http::ResponseHead& response() const override { return head; }
  capability::InputStream& response_body() override { return body; }
  std::optional<OutboundFailure> body_failure() const override { return why; }
  const http::Fields* response_trailers() const override {
    return trailers.empty() ? nullptr : &trailers;
  }
  bool wait_response(Waker* waker) override {
    waiting = waker;
    return true;
  }
  void cancel_wait() override { waiting = nullptr; }

  capability::OutboundRequest request;
  OutboundState now = OutboundState::kPending;
  std::optional<OutboundFailure> why;
  http::ResponseHead head{.status = 203, .fields = {}};
  http::Fields trailers;
  capability::StringOutput sent{8};
  capability::ManualInput body;
  Waker* waiting = nullptr;
  bool finished = false;
  std::size_t trailer_count = 0;

 private:
  CallLog& log_;
};

class FakeOutbound final : public capability::OutboundClient {
 public:
  class Http final : public capability::OutboundHttp {
   public:
    explicit Http(FakeOutbound& owner) : owner_(owner) {}
    tl::expected<std::unique_ptr<capability::OutboundCall>, OutboundFailure> start(
        capability::OutboundRequest request) override {
      if (owner_.refusal) return tl::unexpected(*owner_.refusal);
      auto call = std::make_unique<FakeCall>(owner_.log, std::move(request));
      owner_.calls.push_back(call.get());
      return call;
    }

   private:
    FakeOutbound& owner_;
  };

  std::unique_ptr<capability::OutboundHttp> open(
      std::shared_ptr<const capability::OutboundGrant> grant) override {
    grants.push_back(std::move(grant));
    return std::make_unique<Http>(*this);
  }

  CallLog log;
  std::vector<FakeCall*> calls;
  std::optional<OutboundFailure> refusal;
  std::vector<std::shared_ptr<const capability::OutboundGrant>> grants;
};

// Where an attempt to write fails the run.
class LimitedOutput final : public capability::OutputStream {
 public:
  MutableByteSpan prepare(std::size_t) override {
    ++attempts;
    return {};
  }
  void commit(std::size_t) override {}
  std::size_t room() const override { return 1; }
  bool wait_writable(Waker*) override { return false; }
  void cancel_wait() override {}
  bool closed() const override { return false; }

  int attempts = 0;
};

struct TestComponent {
  explicit TestComponent(capability::OutboundClient* outbound = nullptr,
                         capability::OutputStream* output = nullptr) {
    host.emplace(
        ComponentHost::Options{.preview1 = &*world.wasi,
                               .clock = &world.clock,
                               .standard_input = &world.input,
                               .standard_output = output != nullptr ? output : &world.output,
                               .standard_error = &world.error_output,
                               .timers = &timers,
                               .waker = &waker,
                               .outbound = outbound,
                               .function = "tested"});
  }

  TestHost world;
  capability::ManualTimers timers{world.clock};
  capability::CountingWaker waker;
  std::optional<ComponentHost> host;
};

std::string read_text(ComponentHost& host, std::uint32_t number) {
  std::array<std::byte, 16> buffer;
  const auto result = host.read(number, buffer);
  return {reinterpret_cast<const char*>(buffer.data()), result.size};
}

StreamStatus read_status(ComponentHost& host, std::uint32_t number) {
  std::array<std::byte, 16> buffer;
  return host.read(number, buffer).status;
}

TEST(ComponentHost, StdinWaitsIsWokenAndEnds) {
  TestComponent test;
  EXPECT_EQ(read_status(*test.host, stream::kStdin), StreamStatus::kPending);
  EXPECT_FALSE(test.host->wait_readable(stream::kStdin));
  test.world.input.push("abc");
  EXPECT_EQ(test.waker.take(), 1);
  EXPECT_TRUE(test.host->wait_readable(stream::kStdin));
  EXPECT_EQ(read_text(*test.host, stream::kStdin), "abc");
  test.world.input.end();
  EXPECT_TRUE(test.host->wait_readable(stream::kStdin));
  EXPECT_EQ(read_status(*test.host, stream::kStdin), StreamStatus::kEnd);
}

TEST(ComponentHost, StdoutTakesWhatThereIsRoomFor) {
  TestComponent test;
  const std::string text(TestHost::kOutputLimit + 10, 'x');
  EXPECT_EQ(test.host->wait_writable(stream::kStdout), TestHost::kOutputLimit);
  EXPECT_EQ(test.host->write(stream::kStdout, as_bytes(text)), TestHost::kOutputLimit);
  EXPECT_EQ(test.host->wait_writable(stream::kStdout), 0U);
  EXPECT_EQ(test.waker.take(), 0);
  EXPECT_EQ(test.world.output.take(), text.substr(10));
  EXPECT_EQ(test.waker.take(), 1);
  EXPECT_EQ(test.host->wait_writable(stream::kStdout), TestHost::kOutputLimit);
  test.world.output.close();
  EXPECT_EQ(test.host->wait_writable(stream::kStdout), ComponentHost::kClosed);
  EXPECT_EQ(test.host->write(stream::kStdout, as_bytes("x")), 0U);
}

TEST(ComponentHost, AskingForRoomIsNoAttemptToWrite) {
  LimitedOutput output;
  TestComponent test(nullptr, &output);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(test.host->wait_writable(stream::kStdout), 1U);
  EXPECT_EQ(output.attempts, 0);
  EXPECT_EQ(test.host->write(stream::kStdout, as_bytes("x")), 0U);
  EXPECT_EQ(output.attempts, 1);
}

TEST(ComponentHost, WhatIsNoStreamIsAtItsEndAndClosed) {
  TestComponent test;
  for (const std::uint32_t number :
       {stream::kRequestBody, stream::kResponseBody, 5U, 6U, 1000U, UINT32_MAX}) {
    EXPECT_EQ(read_status(*test.host, number), StreamStatus::kEnd) << number;
    EXPECT_TRUE(test.host->wait_readable(number)) << number;
    EXPECT_EQ(test.host->wait_writable(number), ComponentHost::kClosed) << number;
    EXPECT_EQ(test.host->write(number, as_bytes("x")), 0U) << number;
    EXPECT_FALSE(test.host->trailer(number, 0)) << number;
    test.host->finish(number, {});
    test.host->abort(number);
  }
  EXPECT_EQ(read_status(*test.host, stream::kStdout), StreamStatus::kEnd);
  EXPECT_EQ(test.host->wait_writable(stream::kStdin), ComponentHost::kClosed);
  EXPECT_FALSE(test.host->request());
  EXPECT_FALSE(test.host->request_field(0));
  EXPECT_FALSE(test.host->respond(200, {}));
  test.host->respond_with_error("nobody hears it");
}

TEST(ComponentHost, TheEarliestTimerWins) {
  TestComponent test;
  const auto start = test.world.clock.now();
  const std::uint64_t now = test.host->now();
  test.host->wait_until(now + 5'000'000);
  EXPECT_EQ(test.timers.next(), start + 5ms);
  test.host->wait_until(now + 9'000'000);
  EXPECT_EQ(test.timers.next(), start + 5ms);
  test.host->wait_until(now + 2'000'000);
  EXPECT_EQ(test.timers.next(), start + 2ms);
  EXPECT_EQ(test.timers.armed(), 1U);
  test.timers.advance(2ms);
  EXPECT_EQ(test.waker.take(), 1);
  EXPECT_EQ(test.host->now(), now + 2'000'000);
  test.host->wait_until(now + 9'000'000);
  EXPECT_EQ(test.timers.next(), start + 9ms);
}

TEST(ComponentHost, TimesBeyondTheClockAreClamped) {
  TestComponent test;
  const auto start = test.world.clock.now();
  test.host->wait_until(UINT64_MAX);
  EXPECT_GT(test.timers.next(), start + 24h);
  EXPECT_LT(test.timers.next(), start + 24h * 1000);
  test.host->wait_until(0);
  EXPECT_LE(test.timers.next(), start) << "long past: at once";
  test.timers.advance(0ms);
  EXPECT_EQ(test.waker.take(), 1);
  test.host->wait_until(0);
  test.timers.advance(0ms);
  EXPECT_EQ(test.waker.take(), 1) << "again, not lost behind the one that fired";
}

TEST(ComponentHost, WithoutAClientEveryRequestIsDenied) {
  TestComponent test;
  const auto sent = test.host->send({.method = "GET", .authority = "h"});
  EXPECT_FALSE(sent.call);
  EXPECT_EQ(sent.failure, static_cast<engine::HttpFailure>(OutboundFailure::kDenied));
  EXPECT_EQ(test.host->wait_response(0).kind, engine::HttpResponseState::Kind::kFailed);
  test.host->drop_call(0);
  test.host->drop_call(UINT32_MAX);
}

TEST(ComponentHost, RequestsHaveTheirDefaultsAndBounds) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  const std::vector<HttpField> fields = {{"a", "1"}, {"a", "2"}};
  ASSERT_TRUE(test.host
                  ->send({.method = "PUT",
                          .authority = "h:1",
                          .fields = fields,
                          .connect_timeout = UINT64_MAX,
                          .first_byte_timeout = 5})
                  .call);
  const capability::OutboundRequest& request = outbound.calls.at(0)->request;
  EXPECT_EQ(request.method + " " + request.scheme + " " + request.authority + " " +
                request.path_with_query,
            "PUT https h:1 /");
  EXPECT_EQ(request.fields.size(), 2U);
  EXPECT_GT(request.connect_timeout.value(), 24h);
  EXPECT_EQ(request.first_byte_timeout, 5ns);
  EXPECT_EQ(request.between_bytes_timeout, std::nullopt);
  ASSERT_EQ(outbound.grants.size(), 1U);
  EXPECT_EQ(outbound.grants[0]->function, "tested") << "told so, with nothing granted";
  EXPECT_TRUE(outbound.grants[0]->hosts.empty());
  const std::string large(70'000, 'x');
  const std::vector<HttpField> too_large = {{"a", large}};
  EXPECT_EQ(test.host->send({.method = "GET", .authority = "h", .fields = too_large}).failure,
            static_cast<engine::HttpFailure>(OutboundFailure::kHttpRequestHeaderSectionSize));
  outbound.refusal = OutboundFailure::kConnectionLimitReached;
  EXPECT_EQ(test.host->send({.method = "GET", .authority = "h"}).failure,
            static_cast<engine::HttpFailure>(OutboundFailure::kConnectionLimitReached));
  EXPECT_EQ(outbound.grants.size(), 1U) << "one for the invocation";
}

TEST(ComponentHost, NumbersOfCallsAreUsedAgain) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  const engine::HttpRequestHead head{.method = "GET", .authority = "h"};
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(test.host->send(head).call, i);
  test.host->drop_call(1);
  test.host->drop_call(1);
  EXPECT_EQ(outbound.log.destroyed, 1);
  EXPECT_EQ(test.host->send(head).call, 1U);
  EXPECT_EQ(test.host->send(head).call, 3U);
  test.host->abort(stream::kFirstOfCalls + 2 * 2);
  EXPECT_EQ(outbound.log.destroyed, 2) << "call 2 by its request's body";
  test.host.reset();
  EXPECT_EQ(outbound.log.begun, 5);
  EXPECT_EQ(outbound.log.destroyed, 5);
}

TEST(ComponentHost, ACallFromItsBodyToItsTrailers) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  ASSERT_EQ(test.host->send({.method = "POST", .authority = "h"}).call, 0U);
  FakeCall& call = *outbound.calls.at(0);
  constexpr std::uint32_t kRequest = stream::kFirstOfCalls;
  constexpr std::uint32_t kResponse = kRequest + 1;
  EXPECT_EQ(test.host->write(kRequest, as_bytes("0123456789")), 8U);
  EXPECT_EQ(test.host->wait_writable(kRequest), 0U);
  EXPECT_EQ(call.sent.take(), "01234567");
  EXPECT_EQ(test.waker.take(), 1);
  const std::vector<HttpField> trailers = {{"x-sum", "1"}};
  EXPECT_TRUE(test.host->finish(kRequest, trailers));
  EXPECT_TRUE(call.finished);
  EXPECT_EQ(call.trailer_count, 1U);
  EXPECT_EQ(test.host->wait_response(0).kind, engine::HttpResponseState::Kind::kPending);
  EXPECT_EQ(call.waiting, &test.waker);
  EXPECT_FALSE(test.host->response_field(0, 0)) << "not yet";
  call.now = OutboundState::kResponse;
  ASSERT_TRUE(call.head.fields.append("a", "b"));
  EXPECT_EQ(test.host->wait_response(0).status, 203);
  EXPECT_EQ(test.host->response_field(0, 0)->value, "b");
  EXPECT_FALSE(test.host->response_field(0, 1));
  EXPECT_EQ(read_status(*test.host, kResponse), StreamStatus::kPending);
  EXPECT_FALSE(test.host->wait_readable(kResponse));
  call.body.push("got");
  EXPECT_EQ(test.waker.take(), 1);
  EXPECT_EQ(read_text(*test.host, kResponse), "got");
  ASSERT_TRUE(call.trailers.append("t", "v"));
  call.body.end();
  EXPECT_EQ(read_status(*test.host, kResponse), StreamStatus::kEnd);
  EXPECT_EQ(test.host->trailer(kResponse, 0)->name, "t");
  EXPECT_FALSE(test.host->trailer(kResponse, 1));
}

TEST(ComponentHost, ACallThatIsGivenUpDoesNotLookWhole) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  ASSERT_EQ(test.host->send({.method = "POST", .authority = "h"}).call, 0U);
  outbound.calls.at(0)->now = OutboundState::kResponse;
  test.host->abort(stream::kFirstOfCalls);
  EXPECT_EQ(outbound.log.destroyed, 1);
  EXPECT_EQ(read_status(*test.host, stream::kFirstOfCalls + 1), StreamStatus::kFailed);
  EXPECT_EQ(test.host->failure(stream::kFirstOfCalls + 1),
            static_cast<engine::HttpFailure>(OutboundFailure::kConnectionTerminated));
}

TEST(ComponentHost, AnAnswerStaysWhenItsRequestWasNotReadToItsEnd) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  ASSERT_EQ(test.host->send({.method = "POST", .authority = "h"}).call, 0U);
  FakeCall& call = *outbound.calls.at(0);
  call.now = OutboundState::kResponse;
  call.sent.close();
  call.body.push("too large");
  call.body.end();
  test.host->abort(stream::kFirstOfCalls);
  EXPECT_EQ(outbound.log.destroyed, 0);
  EXPECT_EQ(read_text(*test.host, stream::kFirstOfCalls + 1), "too large");
  EXPECT_EQ(read_status(*test.host, stream::kFirstOfCalls + 1), StreamStatus::kEnd);
}

TEST(ComponentHost, FailuresAreToldWhereTheyHappened) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  ASSERT_TRUE(test.host->send({.method = "GET", .authority = "h"}).call);
  FakeCall& call = *outbound.calls.at(0);
  call.why = OutboundFailure::kDnsError;
  call.now = OutboundState::kFailed;
  const auto state = test.host->wait_response(0);
  EXPECT_EQ(state.kind, engine::HttpResponseState::Kind::kFailed);
  EXPECT_EQ(state.failure, static_cast<engine::HttpFailure>(OutboundFailure::kDnsError));
  call.now = OutboundState::kResponse;
  call.why = OutboundFailure::kHttpResponseIncomplete;
  call.body.end();
  EXPECT_EQ(read_status(*test.host, stream::kFirstOfCalls + 1), StreamStatus::kFailed);
  EXPECT_EQ(test.host->failure(stream::kFirstOfCalls + 1),
            static_cast<engine::HttpFailure>(OutboundFailure::kHttpResponseIncomplete));
  EXPECT_EQ(test.host->failure(stream::kStdin),
            static_cast<engine::HttpFailure>(OutboundFailure::kInternalError));
}

TEST(ComponentHost, WhenItGoesNothingWakesItAnyMore) {
  FakeOutbound outbound;
  TestComponent test(&outbound);
  ASSERT_TRUE(test.host->send({.method = "GET", .authority = "h"}).call);
  EXPECT_FALSE(test.host->wait_readable(stream::kStdin));
  test.host->wait_until(test.host->now() + 1'000'000);
  test.host.reset();
  EXPECT_EQ(outbound.log.destroyed, 1);
  EXPECT_EQ(test.timers.armed(), 0U);
  test.world.input.push("late");
  test.timers.advance(1s);
  EXPECT_EQ(test.waker.count(), 0);
}

}  // namespace
}  // namespace godwit::wasi
