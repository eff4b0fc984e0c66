// The server as a whole: several workers, changed routes, draining, running out of descriptors.
#include "server/server.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

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

TEST(Server, AllWorkersServe) {
  TestServer server;
  server.serve("f", "write 1 hello\n");
  std::atomic<int> started{0};
  server.start({.threads = 3, .thread_started = [&] { ++started; }});
  for (int i = 0; i < 60; ++i) ASSERT_EQ(server.get("/f").body, "hello");
  EXPECT_EQ(started, 3);
}

TEST(Server, ListensOnSeveralAddresses) {
  TestServer server;
  server.serve("f", "write 1 hello\n");
  server.start({.listen = {{.host = "127.0.0.1", .port = 0}, {.host = "127.0.0.2", .port = 0}}});
  ASSERT_EQ(server.server->addresses().size(), 2u);
  for (const ListenAddress& address : server.server->addresses()) {
    Client client(address);
    client.get("/f");
    EXPECT_EQ(client.read().body, "hello");
  }
}

TEST(Server, ItsPulse) {
  TestServer server;
  std::atomic<bool> held{true};
  server.start({.threads = 3, .thread_started = [&] { held.wait(true); }});
  EXPECT_EQ(server.server->silence(), 0ns) << "nobody has asked";
  server.server->beat();
  std::this_thread::sleep_for(20ms);
  server.server->beat();  // the first question is still open
  EXPECT_GE(server.server->silence(), 20ms);
  held = false;
  held.notify_all();
  EXPECT_TRUE(eventually([&] { return server.server->silence() == 0ns; }));
  server.server->beat();
  EXPECT_TRUE(eventually([&] { return server.server->silence() == 0ns; }));
}

TEST(Server, ConnectionsAreCounted) {
  TestServer server;
  server.serve("f", "write 1 hello\n");
  observe::Metrics metrics({.workers = 2});
  const auto page = [&] { return metrics.expose(observe::ExpositionFormat::kPrometheus); };
  server.start({.threads = 2, .metrics = &metrics});
  {
    Client first(server.address());
    Client second(server.address());
    EXPECT_TRUE(
        eventually([&] { return page().find("\ngodwit_connections 2\n") != std::string::npos; }));
    EXPECT_EQ(server.get("/f").body, "hello");
  }
  EXPECT_TRUE(
      eventually([&] { return page().find("\ngodwit_connections 0\n") != std::string::npos; }));
  EXPECT_THAT(page(), HasSubstr("\ngodwit_connections_accepted_total 3\n"));
  EXPECT_THAT(page(), HasSubstr("\ngodwit_request_duration_seconds_count 1\n"));
  server.stop();
}

TEST(Server, APortThatIsTakenIsAnError) {
  TestServer first;
  first.start({.threads = 2});
  gateway::test::LogFile log;
  const auto second = Server::create({.listen = {first.address()}, .threads = 2}, log.logger(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAddressInUse);
}

TEST(Server, ItsEndCancelsWhatRuns) {
  TestServer server;
  const auto f = server.serve("f", "wait\n", {.limits = {.concurrency = 3}});
  server.start({.threads = 2});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server.address()));
    clients.back()->get("/f");
  }
  Client silent(server.address());
  Client half(server.address());
  half.send("GET /f HTTP/1.1\r\n");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 3 && f->gate->waiting() == 5; }));
  server.stop();
  EXPECT_EQ(f->gate->running(), 0u);
  EXPECT_EQ(f->gate->waiting(), 0u);
  for (const auto& client : clients) EXPECT_TRUE(client->at_end());
}

// A place that becomes free on one worker goes to whoever waits on another.
TEST(Server, OneQueueForAllWorkers) {
  TestServer server;
  const auto f = server.serve(
      "f", "sleep_ms 1\nwrite 1 ok\n",
      {.limits = {.timeout = 60s, .concurrency = 1, .queue = 100, .queue_timeout = 60s}});
  server.start({.threads = 3});
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) good += server.get("/f").body == "ok" ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 60);
}

TEST(Server, AFullQueueIs429) {
  TestServer server;
  const auto f = server.serve("f", "wait\n", {.limits = {.concurrency = 1, .queue = 1}});
  server.start({.threads = 2});
  Client running(server.address()), queued(server.address());
  running.get("/f");
  queued.get("/f");
  ASSERT_TRUE(eventually([&] { return f->gate->waiting() == 1; }));
  const Reply reply = server.get("/f");
  EXPECT_EQ(reply.status, 429);
  EXPECT_TRUE(reply.has("Retry-After: 1"));
}

// --- Changed routes -----------------------------------------------------------------------------

TEST(Server, PublishedRoutesAreServedWhenItReturns) {
  TestServer server;
  server.start({.threads = 3});
  EXPECT_EQ(server.get("/f").status, 404);
  server.serve("f", "write 1 one\n");
  server.server->publish(server.routes);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(server.get("/f").body, "one");
  server.routes.clear();
  server.server->publish(server.routes);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(server.get("/f").status, 404);
}

TEST(Server, ARequestThatHasBegunEndsAsItBegan) {
  TestServer server;
  const auto f = server.serve("f", "echo\nwrite 1 -old\n");
  server.start({.threads = 2});
  Client client(server.address());
  client.send("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  server.serve("f", "echo\nwrite 1 -new\n");
  server.server->publish(server.routes);
  EXPECT_EQ(server.request("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").body,
            "x-new");
  client.send("b");
  EXPECT_EQ(client.read().body, "ab-old");
  // On the same connection the next request sees the new version.
  client.send("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nc");
  EXPECT_EQ(client.read().body, "c-new");
}

// Routes change under load: never a gap, never an older version than one that was acknowledged.
TEST(Server, RoutesChangeUnderLoad) {
  constexpr int kVersions = 40;
  TestServer server;
  server.serve("f", "write 1 0\n");
  server.start({.threads = 2});
  std::atomic<int> acknowledged{0};
  std::atomic<int> requests{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      Client client(server.address());
      while (!done) {
        const int before = acknowledged;
        client.get("/f");
        const Reply reply = client.read();
        ASSERT_EQ(reply.status, 200) << reply.head;
        const int version = std::stoi(reply.body);
        ASSERT_GE(version, before);
        ASSERT_LE(version, kVersions);
        ++requests;
      }
    });
  }
  for (int version = 1; version <= kVersions; ++version) {
    server.serve("f", "write 1 " + std::to_string(version) + "\n");
    server.server->publish(server.routes);
    acknowledged = version;
    const int seen = requests;
    ASSERT_TRUE(eventually([&] { return requests > seen; }));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(requests, kVersions);
}

// --- Draining -----------------------------------------------------------------------------------

TEST(ServerDrain, WithoutConnectionsThereIsNothingToWaitFor) {
  TestServer server;
  server.start({.threads = 2});
  EXPECT_TRUE(server.drain(10s));
  Client client(server.address());
  EXPECT_FALSE(client.connected()) << "it still accepts";
}

TEST(ServerDrain, IdleConnectionsCloseAndWhatRunsFinishes) {
  TestServer server;
  const auto f = server.serve("f", "echo\n");
  server.start({.threads = 2});
  Client idle(server.address());
  idle.send("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(idle.read().body, "x");
  Client running(server.address());
  running.send("POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  std::thread finisher([&] {
    EXPECT_TRUE(idle.at_end());
    EXPECT_TRUE(test::refuses_connections(server.address()));
    running.send("abc");
    const Reply reply = running.read();
    EXPECT_EQ(reply.body, "abc");
    EXPECT_TRUE(reply.has("Connection: close"));
    running.end_sending();
    EXPECT_TRUE(running.at_end());
  });
  EXPECT_TRUE(server.drain(10s));
  finisher.join();
}

// Answered, but its body has not come: nothing runs for it, so nothing is to be waited for.
TEST(ServerDrain, AConnectionThatOwesABodyNobodyWantsIsClosed) {
  TestServer server;
  server.start();
  Client client(server.address());
  client.send("POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
  EXPECT_EQ(client.read().status, 404);
  bool ended = false;
  std::thread closer([&] {
    ended = client.at_end();
    client.close();
  });
  EXPECT_TRUE(server.drain(3s));
  server.stop();
  closer.join();
  EXPECT_TRUE(ended);
}

TEST(ServerDrain, WhatDoesNotFinishIsCancelled) {
  TestServer server;
  const auto f = server.serve("f", "wait\n");
  server.start();
  Client client(server.address());
  client.get("/f");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  EXPECT_FALSE(server.drain(20ms));
  EXPECT_EQ(f->gate->running(), 1u);
  server.stop();
  EXPECT_EQ(f->gate->running(), 0u);
  EXPECT_TRUE(client.at_end());
}

TEST(ServerDrain, MayBeGivenUp) {
  TestServer server;
  const auto f = server.serve("f", "wait\n");
  server.start();
  Client client(server.address());
  client.get("/f");
  ASSERT_TRUE(eventually([&] { return f->gate->running() == 1; }));
  int asked = 0;
  EXPECT_FALSE(server.server->drain(60s, [&] { return ++asked == 3; }));
  EXPECT_EQ(asked, 3);
}

TEST(ServerDrain, ARequestThatComesDuringTheDrainIsRefused) {
  TestServer server;
  const auto f = server.serve("f", "write 1 ran\n");
  server.start();
  Client client(server.address());
  // Not idle: a request has been answered, the next head has begun.
  client.get("/f");
  EXPECT_EQ(client.read().body, "ran");
  client.send("GET /f HT");
  std::this_thread::sleep_for(20ms);
  std::thread sender([&] {
    EXPECT_TRUE(test::refuses_connections(server.address()));
    client.send("TP/1.1\r\nHost: h\r\n\r\n");
  });
  server.drain(10s);
  sender.join();
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.has("Connection: close"));
  EXPECT_THAT(reply.body, HasSubstr("E4006"));
}

// Connections that were accepted in the moment when the drain begins.
TEST(ServerDrain, AConnectionThatArrivesWithTheDrainDoesNotMakeTheLoopSpin) {
  TestServer server;
  server.serve("f", "wait\n");
  std::atomic<bool> go{false};
  server.start({.thread_started = [&] {
    while (!go) std::this_thread::sleep_for(100us);
  }});
  // All of it is there when the worker looks for the first time.
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(server.address()));
    clients.back()->get("/f");
  }
  std::atomic<bool> drained{false};
  std::thread drainer([&] {
    server.drain(200ms);
    drained = true;
  });
  std::this_thread::sleep_for(30ms);
  go = true;
  EXPECT_FALSE(test::somebody_spins());
  drainer.join();
}

// --- Out of descriptors -------------------------------------------------------------------------

class DescriptorLimit final {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lower{.rlim_cur = limit, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Server, WithoutDescriptorsItWaitsInsteadOfSpinningAndThenServes) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan asks with a pipe whether memory is readable, and there is none to be had";
#endif
  TestServer server;
  server.serve("f", "write 1 hello\n");
  server.start();
  ASSERT_EQ(server.get("/f").body, "hello");
  std::vector<Fd> sockets;
  for (int i = 0; i < 6; ++i)
    sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::vector<std::unique_ptr<Client>> clients;
  {
    // No number is free below the limit: what accept() would give is not allowed.
    const int highest = ::fcntl(sockets.back().get(), F_DUPFD_CLOEXEC, 0);
    std::vector<Fd> fillers;
    fillers.emplace_back(highest);
    const DescriptorLimit limit(static_cast<rlim_t>(sockets.back().get()) + 1);
    while (true) {
      Fd filler(::dup(0));
      if (!filler.valid()) break;
      fillers.push_back(std::move(filler));
    }
    for (Fd& socket : sockets) {
      clients.push_back(std::make_unique<Client>(server.address(), std::move(socket)));
      EXPECT_TRUE(clients.back()->connected());
      clients.back()->get("/f");
    }
    std::this_thread::sleep_for(5ms);
    EXPECT_FALSE(test::somebody_spins());
  }
  // Some were told so, with descriptors that were kept for it; the others waited.
  int refused = 0;
  for (const auto& client : clients) {
    const Reply reply = client->read();
    if (reply.status == 200) continue;
    ++refused;
    EXPECT_EQ(reply.status, 503);
    EXPECT_TRUE(reply.has("Retry-After: 1"));
    EXPECT_THAT(reply.body, HasSubstr("E4010"));
  }
  EXPECT_GE(refused, 1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(server.get("/f").body, "hello");
}

}  // namespace
}  // namespace godwit::server
