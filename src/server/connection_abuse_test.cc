// Clients that send what is no HTTP, too much, too little, too slowly, that go away, or that do not
// read. The server answers as the contract says, holds nothing for them and nobody else up.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/connection.h"
#include "server/test_client.h"
#include "server/test_server.h"

namespace godwit::server {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::eventually;
using test::Reply;
using test::TestServer;
using testing::HasSubstr;

class AbuseTest : public testing::Test {
 protected:
  void start(const ConnectionLimits& limits = {}) {
    echo_ = server_.serve("echo", "echo\n", {.limits = {.request_body_bytes = 1000}});
    waits_ = server_.serve("waits", "wait\n");
    server_.serve("hello", "write 1 hello\n");
    server_.start({.limits = limits});
  }
  // The server's own timeouts would get in the way of the last request.
  void stop_serving() { server_.stop(); }
  ~AbuseTest() override {
    if (server_.server == nullptr) return;
    EXPECT_EQ(server_.get("/hello").body, "hello") << "the server does not serve any more";
  }

  TestServer server_;
  std::shared_ptr<const runtime::Function> echo_;
  std::shared_ptr<const runtime::Function> waits_;
};

TEST_F(AbuseTest, WhatIsNoRequestIsAnsweredAndTheConnectionClosed) {
  start();
  const struct {
    std::string bytes;
    int status;
    const char* code;
  } rows[] = {
      {"nonsense\r\n\r\n", 400, "E1001"},
      {"\x16\x03\x01\x02\x01\x01\xFC\x03\x03 like a TLS hello\r\n\r\n", 400, "E1001"},
      {"GET /hello HTTP/1.1\r\n\r\n", 400, "E1001"},  // no Host
      {"GET /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400,
       "E1001"},
      {"GET /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400, "E1001"},
      {"GET /hello HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", 400, "E1001"},
      {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 405, "E1012"},
      {"GET /hello HTTP/3.0\r\nHost: h\r\n\r\n", 505, "E1010"},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, "E1004"},
      {"GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n", 431,
       "E1005"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.bytes.substr(0, 60));
    Client client(server_.address());
    client.send(row.bytes);
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, row.status);
    EXPECT_THAT(reply.body, HasSubstr(row.code));
    EXPECT_TRUE(reply.has("Connection: close"));
    EXPECT_TRUE(reply.has("Content-Type: application/problem+json"));
    client.end_sending();
    EXPECT_TRUE(client.at_end());
  }
}

TEST_F(AbuseTest, NothingAfterABadRequestIsServed) {
  start();
  Client client(server_.address());
  client.send("BAD\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read().status, 400);
  client.end_sending();
  EXPECT_TRUE(client.at_end()) << "a smuggled request was answered";
}

TEST_F(AbuseTest, ABodyThatTurnsBadEndsTheGuest) {
  start();
  Client client(server_.address());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 400);
  EXPECT_TRUE(reply.has("Connection: close"));
  EXPECT_TRUE(eventually([&] { return echo_->gate->running() == 0; }));
}

TEST_F(AbuseTest, ABodyThatIsTooLarge) {
  start();
  // Announced: refused before a byte of it; and the connection goes on when little is announced.
  Client announced(server_.address());
  announced.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(announced.read().status, 413);
  announced.send(std::string(1001, 'x'));
  announced.get("/hello");
  EXPECT_EQ(announced.read().body, "hello");
  // Not announced: the guest, which has it until then, is ended.
  Client chunked(server_.address());
  chunked.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
               std::string(1001, 'x') + "\r\n0\r\n\r\n");
  const Reply reply = chunked.read();
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("E1003"));
  EXPECT_TRUE(eventually([&] { return echo_->gate->running() == 0; }));
  chunked.get("/hello");
  EXPECT_EQ(chunked.read().body, "hello");
}

// --- Going away ---------------------------------------------------------------------------------

TEST_F(AbuseTest, AHalfClosedConnectionStillGetsItsAnswer) {
  start();
  Client whole(server_.address());
  whole.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  whole.end_sending();
  EXPECT_EQ(whole.read().body, "abc");
  EXPECT_TRUE(whole.at_end());

  Client pipelined(server_.address());
  pipelined.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  pipelined.end_sending();
  EXPECT_EQ(pipelined.read().body, "hello");
  EXPECT_EQ(pipelined.read().body, "hello");
  EXPECT_TRUE(pipelined.at_end());
}

TEST_F(AbuseTest, AHalfClosedConnectionInTheMiddle) {
  start();
  Client in_body(server_.address());
  in_body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  in_body.end_sending();
  EXPECT_EQ(in_body.read().status, 400);
  EXPECT_TRUE(in_body.at_end());
  Client after_the_head(server_.address());  // the guest has answered to what it got
  after_the_head.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  after_the_head.end_sending();
  EXPECT_FALSE(after_the_head.read().complete);
  Client in_head(server_.address());
  in_head.send("GET /hello HTTP/1.1\r\nHo");
  in_head.end_sending();
  EXPECT_TRUE(in_head.at_end());
  Client silent(server_.address());
  silent.end_sending();
  EXPECT_TRUE(silent.at_end());
  EXPECT_TRUE(eventually([&] { return echo_->gate->running() == 0; }));
}

TEST_F(AbuseTest, AClientThatResetsEndsItsGuest) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Client>(server_.address()));
    clients.back()->get("/waits");
  }
  ASSERT_TRUE(eventually([&] { return waits_->gate->running() == 5; }));
  for (const auto& client : clients) client->reset();
  EXPECT_TRUE(eventually([&] { return waits_->gate->running() == 0; }));
}

TEST_F(AbuseTest, AClientThatResetsInTheMiddleOfItsBodyEndsItsGuest) {
  start();
  Client client(server_.address());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  ASSERT_TRUE(eventually([&] { return echo_->gate->running() == 1; }));
  client.reset();
  EXPECT_TRUE(eventually([&] { return echo_->gate->running() == 0; }));
}

TEST_F(AbuseTest, AClientThatGoesAwayWhileTheResponseStreamsEndsItsGuest) {
  const auto endless = server_.serve("endless", "repeat 1000000000\nfill 1 1000 x\nend\n");
  start();
  for (const bool hard : {true, false}) {
    Client client(server_.address());
    client.get("/endless");
    ASSERT_TRUE(client.wait_for(100'000));
    hard ? client.reset() : client.close();
    EXPECT_TRUE(eventually([&] { return endless->gate->running() == 0; }));
  }
}

// One byte of urgent data is always "exceptional": it must not be waited for again and again.
TEST_F(AbuseTest, UrgentDataDoesNotMakeTheLoopSpin) {
  start();
  Client client(server_.address());
  client.get("/waits");
  ASSERT_TRUE(eventually([&] { return waits_->gate->running() == 1; }));
  ASSERT_EQ(::send(client.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL), 1);
  EXPECT_FALSE(test::somebody_spins());
  client.reset();
}

// More requests behind one that runs: they stay in the kernel's buffer.
TEST_F(AbuseTest, AFloodBehindARunningRequestIsNotRead) {
  start();
  Client client(server_.address());
  client.get("/waits");
  ASSERT_TRUE(eventually([&] { return waits_->gate->running() == 1; }));
  for (int i = 0; i < 100; ++i) client.get("/hello");
  EXPECT_FALSE(test::somebody_spins());
  EXPECT_EQ(waits_->gate->running(), 1u);
  client.reset();
  EXPECT_TRUE(eventually([&] { return waits_->gate->running() == 0; }));
}

// --- Too slow -----------------------------------------------------------------------------------

TEST_F(AbuseTest, AHeadMustComeInTime) {
  start({.head = 30ms});
  Client half(server_.address());
  half.send("GET /hello HTTP/1.1\r\nHo");
  const Reply reply = half.read();
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(reply.body, HasSubstr("E1002"));
  EXPECT_TRUE(reply.has("Connection: close"));
  half.end_sending();
  EXPECT_TRUE(half.at_end());
}

// A byte now and then (slowloris) does not buy more time.
TEST_F(AbuseTest, AHeadThatTricklesDoesNotGetMoreTime) {
  start({.head = 40ms});
  Client client(server_.address());
  client.send("GET /hello HTTP/1.1\r\n");
  int sent = 0;
  std::string answer;
  while (sent < 4000 && answer.empty()) {
    client.send("X: y\r\n");
    ++sent;
    std::this_thread::sleep_for(2ms);
    char byte = 0;
    if (::recv(client.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1) answer = client.read().head;
  }
  EXPECT_THAT(answer, HasSubstr("408"));
}

TEST_F(AbuseTest, AnIdleConnectionIsClosedWithoutAWord) {
  start({.head = 20ms, .idle = 20ms});
  Client silent(server_.address());
  EXPECT_TRUE(silent.at_end());
  // On a busy machine the time may be over before the request is sent: then once more.
  for (int attempt = 0; attempt < 100; ++attempt) {
    Client after_one(server_.address());
    after_one.get("/hello");
    const Reply reply = after_one.read();
    if (reply.status == 0) continue;
    EXPECT_EQ(reply.body, "hello");
    EXPECT_TRUE(after_one.at_end());
    return stop_serving();
  }
  FAIL() << "no request was answered";
}

TEST_F(AbuseTest, ABodyThatStopsArrivingIs408) {
  start({.head = 30ms, .stall = 30ms});
  Client client(server_.address());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 408);
  EXPECT_TRUE(eventually([&] { return echo_->gate->running() == 0; }));
}

TEST_F(AbuseTest, ABodyThatNobodyWantsIsNotWaitedForForEver) {
  start({.head = 30ms, .stall = 30ms});
  Client client(server_.address());
  client.send("POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
  EXPECT_EQ(client.read().status, 404);
  EXPECT_TRUE(client.at_end());
}

// --- Not reading --------------------------------------------------------------------------------

TEST_F(AbuseTest, ASlowReaderHoldsItsGuestAndGetsEverything) {
  constexpr std::size_t kSize = std::size_t{12} << 20;
  const auto large = server_.serve("large", "fill 1 " + std::to_string(kSize) + " x\n");
  start();
  Client client(server_.address(), 4096);
  client.get("/large");
  ASSERT_TRUE(eventually([&] { return large->gate->running() == 1; }));
  EXPECT_EQ(server_.get("/hello").body, "hello");
  EXPECT_FALSE(test::somebody_spins());
  EXPECT_EQ(large->gate->running(), 1u) << "the guest wrote 12 MiB that nobody has read";
  const Reply reply = client.read();
  EXPECT_TRUE(reply.complete);
  EXPECT_EQ(reply.body.size(), kSize);
  EXPECT_EQ(reply.body.find_first_not_of('x'), std::string::npos);
}

// The wall clock runs until the last byte: a client that never reads loses its connection with the
// deadline, not only its guest.
TEST_F(AbuseTest, AClientThatNeverReadsIsDroppedAtTheDeadline) {
  const auto large = server_.serve("large", "fill 1 30000000 x\n", {.limits = {.timeout = 50ms}});
  start();
  Client client(server_.address(), 4096);
  client.get("/large");
  ASSERT_TRUE(eventually([&] { return large->gate->running() == 1; }));
  ASSERT_TRUE(eventually([&] { return large->gate->running() == 0; }));
  // Only this connection is open: with it gone there is nothing left to drain.
  EXPECT_TRUE(server_.drain(1s)) << "the connection is held for ever";
  server_.stop();
}

TEST_F(AbuseTest, AClientThatStopsReadingIsDroppedAfterTheStallTime) {
  const auto large = server_.serve("large", "fill 1 30000000 x\n", {.limits = {.timeout = 60s}});
  start({.head = 30ms, .stall = 30ms});
  Client client(server_.address(), 4096);
  client.get("/large");
  ASSERT_TRUE(eventually([&] { return large->gate->running() == 1; }));
  bool ended = false;
  for (int i = 0; i < 500 && !ended; ++i) {
    std::this_thread::sleep_for(2ms);
    ended = large->gate->running() == 0;
  }
  EXPECT_TRUE(ended) << "a reader that stopped holds its guest until the guest's own deadline";
}

}  // namespace
}  // namespace godwit::server
