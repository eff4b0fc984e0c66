// What goes wrong: the peer, the network, the limits; each ends as the case that wasi:http has.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "outbound/test_gate.h"
#include "outbound/test_peer.h"
#include "outbound/test_world.h"

namespace godwit::outbound {
namespace {

using std::chrono::milliseconds;

// What a peer makes of a request that says `answer` and then goes away.
TestAnswer answer_to(const std::string& text, const capability::OutboundLimits& limits = {}) {
  TestPeer peer([&](auto& connection) {
    connection.read_head();
    connection.write(text);
  });
  TestWorld world({peer.url()});
  world.grant->limits = limits;
  return world.fetch(get(peer.url()));
}

TEST(OutboundFailures, NobodyListens) {
  std::string url;
  {
    TestPeer peer([](auto&) {});
    url = peer.url();
  }
  TestWorld world({url});
  EXPECT_EQ(world.fetch(get(url)).failure, OutboundFailure::kConnectionRefused);
}

TEST(OutboundFailures, TheSystemWatchesNoMoreSockets) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  TestWorld world({peer.url()});
  world.loop.refuses_watches = true;
  EXPECT_EQ(world.fetch(get(peer.url())).failure, OutboundFailure::kInternalError);
  EXPECT_EQ(world.loop.watches(), 0U);
  world.loop.refuses_watches = false;
  EXPECT_EQ(world.fetch(get(peer.url())).body, "hi");
}

TEST(OutboundFailures, NoSuchName) {
  TestWorld world({"http://nowhere.test"});
  EXPECT_EQ(world.fetch(get("http://nowhere.test/")).failure,
            OutboundFailure::kDestinationNotFound);
}

TEST(OutboundFailures, ThePeerGoesAwayBeforeItAnswers) {
  EXPECT_EQ(answer_to("").failure, OutboundFailure::kConnectionTerminated);
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\nX: 1\r\n").failure,
            OutboundFailure::kHttpResponseIncomplete);
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.reset();
  });
  TestWorld world({peer.url()});
  EXPECT_EQ(world.fetch(get(peer.url())).failure, OutboundFailure::kConnectionTerminated);
}

TEST(OutboundFailures, ATruncatedBody) {
  for (const char* const text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    const TestAnswer answer = answer_to(text);
    EXPECT_EQ(answer.failure, std::nullopt) << text;
    EXPECT_EQ(answer.body, "abc") << text;
    EXPECT_EQ(answer.body_failure, OutboundFailure::kHttpResponseIncomplete) << text;
  }
}

TEST(OutboundFailures, WhatIsNoHttp) {
  for (const char* const text :
       {"hello\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 200 OK\r\nbad name: 1\r\nContent-Length: 0\r\n\r\n"}) {
    EXPECT_EQ(answer_to(text).failure, OutboundFailure::kHttpProtocolError) << text;
  }
  EXPECT_EQ(answer_to("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n").failure,
            OutboundFailure::kHttpUpgradeFailed);
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").body_failure,
            OutboundFailure::kHttpProtocolError);
}

TEST(OutboundFailures, HeadsAreBounded) {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  capability::OutboundLimits limits;
  limits.response_fields_bytes = 4096;
  std::string many = start;
  for (int i = 0; i < 100; ++i)
    many += "X-Field-" + std::to_string(i) + ": " + std::string(50, 'x') + "\r\n";
  EXPECT_EQ(answer_to(many + "\r\n", limits).failure,
            OutboundFailure::kHttpResponseHeaderSectionSize);
  EXPECT_EQ(answer_to(start + "X: " + std::string(5000, 'x') + "\r\n\r\n", limits).failure,
            OutboundFailure::kHttpResponseHeaderSectionSize);
  // One line without an end: libcurl's own bound.
  EXPECT_EQ(answer_to(start + "X: " + std::string(std::size_t{2} << 20, 'x')).failure,
            OutboundFailure::kHttpResponseHeaderSectionSize);
  std::string provisional;
  for (int i = 0; i < 200; ++i) provisional += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(answer_to(provisional + start + "\r\n", limits).failure,
            OutboundFailure::kHttpResponseHeaderSectionSize);
  limits.response_fields_bytes = 1000;
  const TestAnswer trailers = answer_to(
      start + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: " + std::string(2000, 'x') +
          "\r\n\r\n",
      limits);
  EXPECT_EQ(trailers.body, "x");
  EXPECT_EQ(trailers.body_failure, OutboundFailure::kHttpResponseTrailerSectionSize);
}

TEST(OutboundFailures, BodiesAreBounded) {
  capability::OutboundLimits limits;
  limits.response_body_bytes = 1000;
  const std::string body(1000, 'x');
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\n\r\n" + body, limits).body_failure, std::nullopt);
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\n\r\n" + body + "x", limits).body_failure,
            OutboundFailure::kHttpResponseBodySize);

  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()});
  world.grant->limits.request_body_bytes = 1000;
  EXPECT_EQ(world.fetch(get(peer.url(), "POST"), body + "x").failure,
            OutboundFailure::kHttpRequestBodySize);
  OutboundRequest longer = get(peer.url(), "POST");
  longer.content_length = 1001;
  EXPECT_EQ(world.fetch(std::move(longer)).failure, OutboundFailure::kHttpRequestBodySize);
}

TEST(OutboundFailures, ABodyIsAsLongAsItWasSaidToBe) {
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()});
  for (const char* const text : {"", "1234", "123456"}) {
    OutboundRequest request = get(peer.url(), "POST");
    ASSERT_TRUE(request.fields.append("Content-Length", "5"));
    EXPECT_EQ(world.fetch(std::move(request), text).failure, OutboundFailure::kHttpRequestBodySize)
        << text;
  }
  OutboundRequest two = get(peer.url(), "POST");
  two.content_length = 4;
  ASSERT_TRUE(two.fields.append("Content-Length", "5"));
  EXPECT_EQ(world.fetch(std::move(two)).failure, OutboundFailure::kHttpProtocolError);
}

TEST(OutboundFailures, CountsAreBounded) {
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()});
  world.grant->limits.requests = 3;
  world.grant->limits.at_once = 2;
  auto first = world.start(get(peer.url()));
  auto second = world.start(get(peer.url()));
  EXPECT_EQ(world.http->start(get(peer.url())).error(), OutboundFailure::kConnectionLimitReached);
  first.reset();
  auto third = world.start(get(peer.url()));
  second.reset();
  EXPECT_EQ(world.http->start(get(peer.url())).error(), OutboundFailure::kDenied);
  world.renew();
  EXPECT_TRUE(world.http->start(get(peer.url())).has_value());
  third.reset();
}

TEST(OutboundFailures, TheWorkerHasABoundOfItsOwn) {
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()}, {}, {.names_kept = Nanoseconds{0}, .calls_max = 1});
  auto call = world.start(get(peer.url()));
  EXPECT_EQ(world.http->start(get(peer.url())).error(), OutboundFailure::kConnectionLimitReached);
  call.reset();
  EXPECT_TRUE(world.http->start(get(peer.url())).has_value());
}

TEST(OutboundFailures, OneFunctionLeavesPlacesForOthers) {
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()}, {}, {.names_kept = Nanoseconds{0}, .calls_max = 16});
  std::vector<std::unique_ptr<OutboundCall>> calls;
  const auto flood = [&](OutboundHttp& http) {
    std::size_t taken = 0;
    while (auto call = http.start(get(peer.url()))) {
      calls.push_back(std::move(*call));
      ++taken;
    }
    return taken;
  };
  EXPECT_EQ(flood(*world.http), 8U);
  // Its next invocation is the same function.
  EXPECT_EQ(flood(*world.client.open(world.grant)), 0U);
  EXPECT_EQ(flood(*world.client.open(grant_of({peer.url()}, "second"))), 4U);
  const auto third = world.client.open(grant_of({peer.url()}, "third"));
  EXPECT_EQ(flood(*third), 2U);
  calls.clear();
  EXPECT_EQ(flood(*third), 8U);
  calls.clear();
}

TEST(OutboundFailures, AnAnswerThatIsNotReadHasItsPlace) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  TestWorld world({peer.url()});
  auto call = world.start(get(peer.url()));
  call->finish_request(nullptr);
  ASSERT_TRUE(world.loop.run_until([&] { return call->response_body().available() == 2; }));
  world.loop.settle();
  EXPECT_EQ(world.client.calls(), 1U);
  TestAnswer answer;
  ASSERT_TRUE(world.loop.run_until([&] { return TestWorld::read(*call, answer); }));
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(world.client.calls(), 0U);
}

TEST(OutboundFailures, TheNameTakesTooLong) {
  const auto gate = std::make_shared<TestGate>();
  Resolver slow({.resolve = [gate](const auto& host) { return gate->resolve(host); }});
  TestLoop loop;
  Client client(loop, {.resolver = &slow});
  auto http = client.open(grant_of({"http://slow.test"}));
  OutboundRequest request = get("http://slow.test");
  request.connect_timeout = milliseconds(20);
  auto call = http->start(std::move(request));
  ASSERT_TRUE(call.has_value());
  ASSERT_TRUE(loop.run_until([&] { return (*call)->state() == OutboundState::kFailed; }));
  EXPECT_EQ((*call)->failure(), OutboundFailure::kDnsTimeout);
  call->reset();
  gate->open();
}

TEST(OutboundFailures, ACallThatGoesTakesItsNameAlong) {
  const auto gate = std::make_shared<TestGate>();
  Resolver slow(
      {.threads = 1, .resolve = [gate](const auto& host) { return gate->resolve(host); }});
  TestLoop loop;
  Client client(loop, {.resolver = &slow});
  auto http = client.open(grant_of({"http://*.slow.test"}));
  // More than one function's names that may wait, one after the other.
  for (int i = 0; i < 100; ++i) {
    auto call = http->start(get("http://a" + std::to_string(i) + ".slow.test"));
    ASSERT_TRUE(call.has_value());
    if (i == 0) gate->asked(1);
    EXPECT_EQ(slow.waiting(), i == 0 ? 0U : 1U) << i;
  }
  EXPECT_EQ(slow.waiting(), 0U);
  gate->open();
}

TEST(OutboundFailures, ANameThatIsNotThereIsNotAskedForAtOnceAgain) {
  TestWorld world({"http://nowhere.test"}, {},
                  {.names_kept = std::chrono::hours(1), .failures_kept = std::chrono::hours(1)});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.fetch(get("http://nowhere.test/")).failure,
              OutboundFailure::kDestinationNotFound);
  }
  EXPECT_EQ(world.names->asked(), 1);
}

TEST(OutboundFailures, ConnectingTakesTooLong) {
  TestTls tls("api.test");
  // Takes the connection and never says a word of TLS.
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url("https")}, tls.root_pem());
  OutboundRequest request = get(peer.url("https"));
  request.connect_timeout = milliseconds(50);
  EXPECT_EQ(world.fetch(std::move(request)).failure, OutboundFailure::kConnectionTimeout);
}

TEST(OutboundFailures, TheFirstByteTakesTooLong) {
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()});
  OutboundRequest request = get(peer.url());
  request.first_byte_timeout = milliseconds(50);
  EXPECT_EQ(world.fetch(std::move(request)).failure, OutboundFailure::kConnectionReadTimeout);
}

TEST(OutboundFailures, BytesTakeTooLong) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    connection.read_to_end();
  });
  TestWorld world({peer.url()});
  OutboundRequest request = get(peer.url());
  request.between_bytes_timeout = milliseconds(50);
  const TestAnswer answer = world.fetch(std::move(request));
  EXPECT_EQ(answer.body, "abc");
  EXPECT_EQ(answer.body_failure, OutboundFailure::kConnectionReadTimeout);
}

TEST(OutboundFailures, APeerThatDoesNotReadTakesTooLong) {
  std::atomic<bool> over{false};
  TestPeer peer([&](auto& connection) {
    connection.read_head();
    while (!over) std::this_thread::sleep_for(milliseconds(1));
  });
  TestWorld world({peer.url()});
  OutboundRequest request = get(peer.url(), "POST");
  request.first_byte_timeout = milliseconds(100);
  const TestAnswer answer =
      world.fetch(std::move(request), std::string(std::size_t{32} << 20, 'x'));
  over = true;
  EXPECT_EQ(answer.failure, OutboundFailure::kConnectionWriteTimeout);
}

TEST(OutboundFailures, AGuestThatThinksIsNoTimeout) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.read_chunked();
    connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  TestWorld world({peer.url()});
  OutboundRequest request = get(peer.url(), "POST");
  request.first_byte_timeout = milliseconds(20);
  auto call = world.start(std::move(request));
  const TimePoint until = monotonic_now() + milliseconds(100);
  ASSERT_TRUE(world.loop.run_until([&] { return monotonic_now() > until; }));
  EXPECT_EQ(call->state(), OutboundState::kPending);
  call->finish_request(nullptr);
  ASSERT_TRUE(world.loop.run_until([&] { return call->state() != OutboundState::kPending; }));
}

TEST(OutboundFailures, BadRequestsAreRefusedAtOnce) {
  TestWorld world({"http://api.test"});
  const auto failure = [&](OutboundRequest request) {
    auto call = world.http->start(std::move(request));
    return call ? std::nullopt : std::optional(call.error());
  };
  for (const char* const method : {"", "GE T", "GET\r\nX: 1", "CONNECT", "connect"}) {
    EXPECT_EQ(failure(get("http://api.test/", method)), OutboundFailure::kHttpRequestMethodInvalid)
        << method;
  }
  for (const char* const path : {"/a b", "/a\r\nX: 1", "/#x", "/\xc3\xa9", "a", "/\\x", "*"}) {
    OutboundRequest request = get("http://api.test");
    request.path_with_query = path;
    EXPECT_EQ(failure(std::move(request)), OutboundFailure::kHttpRequestUriInvalid) << path;
  }
  OutboundRequest longer = get("http://api.test/");
  longer.path_with_query.append(std::size_t{17} << 10, 'x');
  EXPECT_EQ(failure(std::move(longer)), OutboundFailure::kHttpRequestUriTooLong);
  OutboundRequest fields = get("http://api.test/");
  ASSERT_TRUE(fields.fields.append("x", std::string(std::size_t{33} << 10, 'x')));
  EXPECT_EQ(failure(std::move(fields)), OutboundFailure::kHttpRequestHeaderSectionSize);
  for (const char* const value : {"a\r\nB: 1", "a\nb", " a"}) {
    OutboundRequest bad = get("http://api.test/");
    ASSERT_TRUE(bad.fields.append("x", value));
    EXPECT_EQ(failure(std::move(bad)), OutboundFailure::kHttpProtocolError) << value;
  }
  OutboundRequest other = get("http://api.test/");
  other.scheme = "file";
  EXPECT_EQ(failure(std::move(other)), OutboundFailure::kHttpRequestUriInvalid);
}

}  // namespace
}  // namespace godwit::outbound
