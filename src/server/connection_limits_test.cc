// How many connections, from whom, how many requests of each, and what they may hold: as clients
// see it.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
using Clients = std::vector<std::unique_ptr<Client>>;

class LimitsTest : public testing::Test {
 protected:
  void start(const ConnectionLimits& limits, unsigned threads = 1) {
    const manifest::Limits patient{.timeout = 1h, .concurrency = 5000, .queue_timeout = 1h};
    waits_ = server_.serve("waits", "wait\n", {.limits = patient});
    echo_ = server_.serve("echo", "echo\n", {.limits = patient});
    server_.serve("hello", "write 1 hello\n");
    server_.start({.threads = threads, .limits = limits});
  }
  ConnectionCounts counts() { return server_.server->connection_counts(); }
  Client& connect(Clients& clients) {
    return *clients.emplace_back(std::make_unique<Client>(server_.address()));
  }
  static void expect_refusal(const Reply& reply, int status, const char* code) {
    EXPECT_EQ(reply.status, status) << reply.head;
    EXPECT_THAT(reply.body, HasSubstr(code));
    EXPECT_TRUE(reply.has("Retry-After: 1"));
    EXPECT_TRUE(reply.has("Connection: close"));
    EXPECT_THAT(reply.head, HasSubstr("\r\nx-request-id: "));
    EXPECT_TRUE(reply.complete);
  }

  TestServer server_;
  std::shared_ptr<const runtime::Function> waits_;
  std::shared_ptr<const runtime::Function> echo_;
};

// --- How many -----------------------------------------------------------------------------------

TEST_F(LimitsTest, OneMoreThanThereMayBeIsToldSo) {
  start({.connections = 3});
  Clients busy;
  for (int i = 0; i < 3; ++i) connect(busy).get("/waits");
  ASSERT_TRUE(eventually([&] { return waits_->gate->running() == 3; }));
  for (int i = 0; i < 5; ++i) {
    Client refused(server_.address());
    refused.get("/hello");
    expect_refusal(refused.read(), 503, "E4010");
    EXPECT_TRUE(refused.at_end());
  }
  EXPECT_EQ(counts().refused_connections, 5u);
  EXPECT_EQ(counts().accepted, 8u);
  EXPECT_EQ(counts().open, 3u);
  busy.front()->reset();
  ASSERT_TRUE(eventually([&] { return waits_->gate->running() == 2; }));
  EXPECT_EQ(server_.get("/hello").body, "hello");
}

// Many that are refused hold nothing: not their descriptors either, and nobody waits.
TEST_F(LimitsTest, AFloodOfThoseThatAreRefused) {
  start({.connections = 1});
  Client busy(server_.address());
  busy.get("/waits");
  ASSERT_TRUE(eventually([&] { return waits_->gate->running() == 1; }));
  Clients flood;
  for (int i = 0; i < 300; ++i) connect(flood);
  for (const auto& client : flood) expect_refusal(client->read(), 503, "E4010");
  EXPECT_EQ(counts().refused_connections, 300u);
  EXPECT_FALSE(test::somebody_spins());
  busy.reset();
  ASSERT_TRUE(eventually([&] { return counts().open == 0; }));
  EXPECT_EQ(server_.get("/hello").body, "hello");
}

TEST_F(LimitsTest, IdleConnectionsMakeRoomTheOldestFirst) {
  start({.connections = 3});
  Clients idle;
  for (int i = 0; i < 3; ++i) {
    connect(idle).get("/hello");
    ASSERT_EQ(idle.back()->read().body, "hello");
  }
  // The first is used again: the second is now the one that has been idle longest.
  idle[0]->get("/hello");
  ASSERT_EQ(idle[0]->read().body, "hello");
  Client fourth(server_.address());
  fourth.get("/hello");
  EXPECT_EQ(fourth.read().body, "hello");
  EXPECT_TRUE(idle[1]->at_end());
  EXPECT_EQ(idle[1]->last_error(), 0);
  for (const int kept : {0, 2}) {
    idle[static_cast<std::size_t>(kept)]->get("/hello");
    EXPECT_EQ(idle[static_cast<std::size_t>(kept)]->read().body, "hello");
  }
  EXPECT_EQ(counts().closed_for_room, 1u);
  EXPECT_EQ(counts().refused_connections, 0u);
}

TEST_F(LimitsTest, AnIdleConnectionOfAnotherWorkerMakesRoomToo) {
  start({.connections = 2}, 2);
  Clients idle;
  for (int i = 0; i < 2; ++i) {
    connect(idle).get("/hello");
    ASSERT_EQ(idle.back()->read().body, "hello");
  }
  // Whichever worker they come to: the first may be refused, those after it are served.
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(eventually([&] { return server_.get("/hello").status == 200; }));
    Client again(server_.address());
    again.get("/hello");
    again.read();
  }
}

TEST_F(LimitsTest, AClientHasItsOwnLimit) {
  start({.connections_per_client = 2});
  Clients mine;
  for (int i = 0; i < 2; ++i) {
    connect(mine).get("/hello");
    ASSERT_EQ(mine.back()->read().body, "hello");
  }
  Client third(server_.address());
  third.get("/hello");
  expect_refusal(third.read(), 429, "E4011");
  EXPECT_EQ(counts().refused_client, 1u);
  mine.pop_back();
  EXPECT_TRUE(eventually([&] { return server_.get("/hello").status == 200; }));
}

TEST_F(LimitsTest, AConnectionHasSoManyRequests) {
  start({.requests_per_connection = 3});
  Client client(server_.address());
  for (int i = 1; i <= 3; ++i) {
    client.get(i == 2 ? "/nothing" : "/hello");
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, i == 2 ? 404 : 200);
    EXPECT_EQ(reply.has("Connection: close"), i == 3);
  }
  EXPECT_TRUE(client.at_end());
  Client pipelined(server_.address());
  for (int i = 0; i < 10; ++i) pipelined.get("/hello");
  int answered = 0;
  while (pipelined.read().status == 200) ++answered;
  EXPECT_EQ(answered, 3);
}

TEST_F(LimitsTest, AFullTableDrains) {
  start({.connections = 2}, 2);
  Clients busy;
  for (int i = 0; i < 2; ++i) {
    connect(busy).send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return echo_->gate->running() == 2; }));
  Client refused(server_.address());
  expect_refusal(refused.read(), 503, "E4010");
  std::thread finisher([&] {
    EXPECT_TRUE(test::refuses_connections(server_.address()));
    for (const auto& client : busy) {
      client->send("abc");
      EXPECT_EQ(client->read().body, "abc");
      client->close();
    }
  });
  EXPECT_TRUE(server_.drain(10s));
  finisher.join();
}

// --- What they hold -----------------------------------------------------------------------------

constexpr std::size_t kKiB = 1024;

// Everything that one connection can be made to hold, at once.
TEST_F(LimitsTest, OneConnectionHoldsOnlySoMuch) {
  const auto greedy = server_.serve("greedy", "fill 1 30000000 x\n", {.limits = {.timeout = 1h}});
  start({});
  std::string head = "POST /greedy?" + std::string(4000, 'q') + "=1&" + std::string(4000, '&') +
                     " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
  for (int i = 0; i < 90; ++i) {
    head += "X-" + std::to_string(i) + ": " + std::string(330, 'v') + "\r\n";
  }
  head += "\r\n";
  Clients clients;
  constexpr std::size_t kClients = 10;
  for (std::size_t i = 0; i < kClients; ++i) {
    Client& client = *clients.emplace_back(std::make_unique<Client>(server_.address(), 4096));
    client.send(head);
    for (int piece = 0; piece < 3000; ++piece) {  // a body in chunks of many small pieces
      const std::string chunk = "40\r\n" + std::string(64, 'b') + "\r\n";
      if (::send(client.fd(), chunk.data(), chunk.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    }
  }
  ASSERT_TRUE(eventually([&] { return greedy->gate->running() == kClients; }));
  std::this_thread::sleep_for(50ms);
  const std::uint64_t held = counts().bytes_held;
  EXPECT_LE(held, kClients * 350 * kKiB);
  EXPECT_GE(held, kClients * 150 * kKiB) << "nothing of this was seen";
  for (const auto& client : clients) client->reset();
  ASSERT_TRUE(eventually([&] { return counts().open == 0; }));
  EXPECT_EQ(counts().bytes_held, 0u);
}

// What a large request has made large is given back before the next.
TEST_F(LimitsTest, AnIdleConnectionIsSmallAgain) {
  start({});
  Client client(server_.address());
  client.get("/hello");
  ASSERT_EQ(client.read().body, "hello");
  const std::uint64_t small = counts().bytes_held;
  for (int round = 0; round < 3; ++round) {
    std::string head = "POST /echo?";
    for (int i = 0; i < 700; ++i) head += "name" + std::to_string(i) + "=1&";
    head += " HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n";
    for (int i = 0; i < 90; ++i) {
      head += "X-" + std::to_string(i) + ": " + std::string(300, 'v') + "\r\n";
    }
    std::thread sender([&] { client.send(head + "\r\n" + std::string(200'000, 'x')); });
    const Reply reply = client.read();
    sender.join();
    ASSERT_EQ(reply.body.size(), 200'000u) << reply.head << reply.body.substr(0, 200);
  }
  EXPECT_TRUE(eventually([&] { return counts().bytes_held <= small + 48 * kKiB; }))
      << small << " → " << counts().bytes_held;
}

TEST_F(LimitsTest, AllTogetherHoldNoMoreThanTheBudgetAndWhatHasBegunIsFinished) {
  constexpr std::uint64_t kBudget = std::uint64_t{4} << 20;
  start({.memory_bytes = kBudget}, 2);
  const std::string body(300'000, 'b');
  Clients begun;
  for (int i = 0; i < 20; ++i) {
    Client& client = connect(begun);
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return echo_->gate->running() == 20; }));
  // Each of these would hold 30 KiB of a head that never ends: 12 MiB.
  Clients flood;
  const std::string half = "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(30'000, 'x');
  std::uint64_t most = 0;
  for (int i = 0; i < 400; ++i) {
    connect(flood).send(half);
    if (i % 20 == 0) most = std::max(most, counts().bytes_held);
  }
  ASSERT_TRUE(eventually([&] { return counts().refused_memory > 100; }));
  most = std::max(most, counts().bytes_held);
  EXPECT_LE(most, kBudget + kBudget / 8);
  EXPECT_GE(most, kBudget / 2);
  int refused = 0;
  for (const auto& client : flood) {
    char byte = 0;
    if (::recv(client->fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1) continue;
    expect_refusal(client->read(), 503, "E4012");
    ++refused;
  }
  EXPECT_GE(refused, 50);
  // Those that had begun go on, through narrow pipes.
  std::vector<std::thread> threads;
  for (const auto& client : begun) {
    threads.emplace_back([&, raw = client.get()] {
      std::thread sender([&] { raw->send(body); });
      const Reply reply = raw->read();
      sender.join();
      EXPECT_EQ(reply.status, 200);
      EXPECT_EQ(reply.body.size(), body.size());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(counts().bytes_held, kBudget + kBudget / 8);
  flood.clear();
  EXPECT_TRUE(eventually([&] { return server_.get("/hello").status == 200; }));
}

// While memory is scarce a request on a connection that is there already gets 503 as well.
TEST_F(LimitsTest, RequestsBeyondTheBudgetAreRefused) {
  start({.memory_bytes = std::uint64_t{4} << 20});
  Clients clients;
  bool refused = false;
  for (int i = 0; i < 400 && !refused; ++i) {
    Client& client = connect(clients);
    client.get("/waits");
    char byte = 0;
    refused = !eventually([&] {
      return static_cast<int>(waits_->gate->running()) == i + 1 ||
             ::recv(client.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
    });
    EXPECT_FALSE(refused);
    refused = static_cast<int>(waits_->gate->running()) != i + 1;
  }
  ASSERT_TRUE(refused);
  expect_refusal(clients.back()->read(), 503, "E4012");
  EXPECT_GE(counts().refused_memory, 1u);
  EXPECT_GE(waits_->gate->running(), 50u) << "much less was begun than there is room for";
  // With some of them gone there is room again.
  for (int i = 0; i < 40; ++i) clients[static_cast<std::size_t>(i)]->reset();
  EXPECT_TRUE(eventually([&] { return server_.get("/hello").status == 200; }));
  for (const auto& client : clients) client->reset();
  EXPECT_TRUE(eventually([&] { return waits_->gate->running() == 0; }));
}

// --- Turns --------------------------------------------------------------------------------------

// A hundred requests that arrive in one piece are a hundred turns, not one.
TEST_F(LimitsTest, APipelineDoesNotHoldUpTheOthers) {
  std::atomic<bool> go{false};
  server_.serve("hello", "write 1 hello\n");
  server_.start({.thread_started = [&] {
    while (!go) std::this_thread::sleep_for(100us);
  }});
  // All of it is there when the worker looks for the first time.
  Client pipeline(server_.address());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += "GET /hello?p HTTP/1.1\r\nHost: h\r\n\r\n";
  pipeline.send(requests);
  Client other(server_.address());
  other.send("POST /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(20ms);
  go = true;
  EXPECT_EQ(other.read().body, "hello");
  for (int i = 0; i < 500; ++i) ASSERT_EQ(pipeline.read().body, "hello");
  server_.stop();
  const std::string log = server_.log.text();
  const std::size_t at = log.find("access: POST /hello");
  ASSERT_NE(at, std::string::npos);
  int before = 0;
  for (std::size_t i = log.find("access: GET"); i < at; i = log.find("access: GET", i + 1))
    ++before;
  EXPECT_LE(before, 10);
}

}  // namespace
}  // namespace godwit::server
