// Clients that move a byte now and then, which is enough for a plain timeout and too little to be
// served: the least rate ends them. connection_abuse_test.cc has those that stop altogether.
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

manifest::FunctionSpec patient() {
  return {.limits = {.cpu = 1h, .timeout = 1h, .response_body_bytes = std::uint64_t{1} << 40}};
}

class SlowClientTest : public testing::Test {
 protected:
  void start(const ConnectionLimits& limits) {
    echo_ = server_.serve("echo", "echo\n", patient());
    large_ = server_.serve("large", "repeat 1000000000\nfill 1 60000 x\nend\n", patient());
    server_.serve("hello", "write 1 hello\n");
    server_.start({.limits = limits});
  }
  ConnectionCounts counts() { return server_.server->connection_counts(); }

  // A byte every 2 ms until the connection breaks or something is to be read.
  static bool trickle(Client& client, std::string_view byte = "x") {
    for (int i = 0; i < 10'000; ++i) {
      char there = 0;
      const ssize_t got = ::recv(client.fd(), &there, 1, MSG_DONTWAIT | MSG_PEEK);
      if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK) || !client.send(byte)) return true;
      std::this_thread::sleep_for(2ms);
    }
    return false;
  }

  TestServer server_;
  std::shared_ptr<const runtime::Function> echo_;
  std::shared_ptr<const runtime::Function> large_;
};

// 500 bytes a second where 100,000 are wanted; without a least rate each would buy the whole time.
constexpr ConnectionLimits kStrict{.stall = 100ms, .min_rate_bytes = 100'000};

TEST_F(SlowClientTest, ABodyThatTrickles) {
  start(kStrict);
  for (const char* framing : {"Content-Length: 1000000", "Transfer-Encoding: chunked"}) {
    Client client(server_.address());
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\n" + std::string(framing) + "\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return echo_->gate->running() == 1; }));
    const bool chunked = std::string_view(framing).starts_with('T');
    EXPECT_TRUE(trickle(client, chunked ? "1\r\nx\r\n" : "x"));
    const Reply reply = client.read();
    // Its echo may have begun already: then it is cut off.
    if (reply.status != 200) {
      EXPECT_EQ(reply.status, 408) << reply.head;
      EXPECT_TRUE(reply.has("Connection: close"));
    } else {
      EXPECT_FALSE(reply.complete);
    }
    EXPECT_TRUE(eventually([&] { return echo_->gate->running() == 0; }));
  }
  EXPECT_EQ(counts().timeouts_body, 2u);
}

TEST_F(SlowClientTest, ABodyThatTricklesToAGuestThatSaysNothing) {
  const auto waits = server_.serve("waits", "wait\n", patient());
  start(kStrict);
  Client client(server_.address());
  client.send("POST /waits HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_TRUE(trickle(client));
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(reply.body, HasSubstr("E1002"));
  EXPECT_TRUE(eventually([&] { return waits->gate->running() == 0; }));
}

TEST_F(SlowClientTest, ABodyThatTricklesThoughNobodyWantsIt) {
  start(kStrict);
  Client client(server_.address());
  client.send("POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_EQ(client.read().status, 404);
  EXPECT_TRUE(trickle(client));
  EXPECT_TRUE(eventually([&] { return counts().open == 0; }));
  EXPECT_EQ(counts().timeouts_body, 1u);
}

TEST_F(SlowClientTest, AResponseThatIsReadByteByByte) {
  start(kStrict);
  Client client(server_.address(), 4096);
  client.get("/large");
  ASSERT_TRUE(eventually([&] { return large_->gate->running() == 1; }));
  char byte = 0;
  for (int i = 0; i < 10'000 && large_->gate->running() == 1; ++i) {
    if (::recv(client.fd(), &byte, 1, 0) != 1) break;
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_TRUE(eventually([&] { return large_->gate->running() == 0; }));
  EXPECT_TRUE(eventually([&] { return counts().open == 0; }));
  EXPECT_EQ(counts().timeouts_response, 1u);
  client.read_to_end();
  EXPECT_EQ(client.last_error(), ECONNRESET) << "it looks like the end of the answer";
}

// Many fast bytes at the beginning are no licence for few later.
TEST_F(SlowClientTest, AFastStartDoesNotPayForASlowRest) {
  const auto sink = server_.serve("sink", "echo\n", patient());
  start(kStrict);
  Client client(server_.address());
  client.send("POST /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
  std::string sent(1'000'000, 'x');
  std::thread reader([&] {
    while (client.wait_for(1)) client.take_buffer();
  });
  client.send(sent);
  for (int i = 0; i < 10'000 && sink->gate->running() == 1; ++i) {
    client.send("x");
    std::this_thread::sleep_for(2ms);
  }
  reader.join();
  EXPECT_TRUE(eventually([&] { return sink->gate->running() == 0; }));
  EXPECT_EQ(counts().timeouts_body, 1u);
}

TEST_F(SlowClientTest, WhoKeepsTheLeastRateIsServedHoweverLongItTakes) {
  // All of it takes longer than the stall time; each byte buys more time than it takes.
  start({.stall = 2000ms, .min_rate_bytes = 10});
  Client client(server_.address());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\n");
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(client.send("x"));
    std::this_thread::sleep_for(8ms);
  }
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, std::string(300, 'x'));
}

// The guest is slow, not the client.
TEST_F(SlowClientTest, WhileTheGuestIsWaitedForNoTimePasses) {
  server_.serve("late", "sleep_ms 400\necho\n", patient());
  start(kStrict);
  Client client(server_.address());
  const std::string body(900'000, 'x');
  client.send("POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n");
  std::thread sender([&] { client.send(body); });
  const Reply reply = client.read();
  sender.join();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), body.size());
}

}  // namespace
}  // namespace godwit::server
