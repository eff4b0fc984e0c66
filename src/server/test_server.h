// For tests: a server on a port of its own over the fake engine.
//
//   TestServer server;
//   server.serve("f", "write 1 hello\n");
//   server.start({.threads = 2});
//   Client client(server.address());
//
// One thread, but for address(), requests and what the gates count.
#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/test_exchange.h"
#include "runtime/test_runtime.h"
#include "server/server.h"
#include "server/test_client.h"

namespace godwit::server::test {

class TestServer final {
 public:
  TestServer() = default;
  ~TestServer() {
    stop();
    EXPECT_EQ(functions.live_instances(), 0u) << "a sandbox leaked";
    for (const auto& gate : gates_) {
      EXPECT_EQ(gate->running(), 0u) << "a place leaked";
      EXPECT_EQ(gate->waiting(), 0u);
    }
  }

  // Before start(), or for the next publish().
  std::shared_ptr<const runtime::Function> serve(std::string_view name, std::string_view script,
                                                 manifest::FunctionSpec spec = {}) {
    spec.name = name;
    gateway::Route route;
    route.name = name;
    route.function = functions.make(script, std::move(spec));
    gates_.push_back(route.function->gate);
    std::erase_if(routes, [&](const gateway::Route& each) { return each.name == name; });
    routes.push_back(route);
    return route.function;
  }
  void start(ServerOptions options = {}) {
    if (options.listen.empty()) options.listen = {{.host = "127.0.0.1", .port = 0}};
    auto created = Server::create(options, log.logger(), routes);
    ASSERT_TRUE(created) << created.error().text();
    server = std::move(*created);
    address_ = server->addresses().at(0);
  }
  void stop() { server.reset(); }
  const ListenAddress& address() const { return address_; }

  // One request on a connection of its own.
  Reply request(std::string_view text) const {
    Client client(address_);
    client.send(text);
    return client.read();
  }
  Reply get(std::string_view target) const {
    return request("GET " + std::string(target) +
                   " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  bool drain(std::chrono::milliseconds at_most) {
    return server->drain(at_most, [] { return false; });
  }

  runtime::test::Functions functions;
  gateway::test::LogFile log;
  std::vector<gateway::Route> routes;
  std::unique_ptr<Server> server;

 private:
  ListenAddress address_;
  std::vector<std::shared_ptr<runtime::FunctionGate>> gates_;
};

// Waits, but not for ever, for something that another thread does.
inline bool eventually(const std::function<bool()>& happened) {
  const TimePoint until = monotonic_now() + std::chrono::seconds(kPatienceSeconds);
  while (!happened()) {
    if (monotonic_now() > until) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

// Waits until nobody accepts connections any more: the drain has reached every worker.
inline bool refuses_connections(const ListenAddress& address) {
  return eventually([&] { return !Client(address).connected(); });
}

// Whether a thread of this process turns in circles while all of them should wait: by the CPU time
// that the process uses, which is near 0 when everybody waits however busy the machine is. Says
// nothing of how fast anything is.
inline bool somebody_spins() {
  constexpr std::chrono::milliseconds kWindow{20};
  const auto cpu_now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
  };
  Nanoseconds busy{0};
  for (int quiet_windows = 0; quiet_windows < 3;) {
    const Nanoseconds before = cpu_now();
    std::this_thread::sleep_for(kWindow);
    const Nanoseconds used = cpu_now() - before;
    if (used < kWindow / 10) {
      ++quiet_windows;
      continue;
    }
    quiet_windows = 0;
    busy += used;
    if (busy > 2 * kWindow) return true;
  }
  return false;
}

}  // namespace godwit::server::test
