#include "server/server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include <pthread.h>

#include "runtime/worker.h"
#include "server/acceptor.h"
#include "server/connection_quota.h"
#include "server/connection_set.h"
#include "server/event_loop.h"
#include "server/outbound_loop.h"
#include "server/pulse.h"

namespace godwit::server {
namespace {

// One function may have nearly all places for sandboxes, but never all.
constexpr unsigned kTimesFreePlaces = 4;

gateway::GatewayOptions gateway_options(const ServerOptions& options, unsigned index) {
  gateway::GatewayOptions own = options.gateway;
  if (options.metrics != nullptr) own.metrics = &options.metrics->worker(index);
  return own;
}

}  // namespace

// One worker: everything in it is used by its own thread, but for EventLoop::post.
class Server::Thread final {
 public:
  Thread(const ServerOptions& options, unsigned index, Logger& logger, ConnectionQuota& quota,
         std::shared_ptr<const gateway::RouteTable> routes)
      : outbound_(make_outbound(options)),
        worker_(loop_, {.blocking = options.blocking,
                        .outbound = outbound_.get(),
                        .memory = {.budget = options.memory, .workers = options.threads},
                        .places = {.budget = options.places,
                                   .workers = options.threads,
                                   .times_free = kTimesFreePlaces}}),
        gateway_(worker_, logger, gateway_options(options, index), std::move(routes)),
        connections_(gateway_, worker_.timers(), options.limits, quota),
        thread_started_(options.thread_started) {
    loop_.attach(worker_);
  }
  ~Thread() {
    if (!thread_.joinable()) return;
    loop_.post([this] {
      for (auto& acceptor : acceptors_) acceptor->close();
      connections_.close_all();
      gateway_.flush_log();
      loop_.stop();
    });
    thread_.join();
  }

  void listen(Fd socket) {
    acceptors_.push_back(
        std::make_unique<Acceptor>(loop_, worker_.timers(), connections_, std::move(socket)));
  }
  void start(unsigned index) {
    thread_ = std::thread([this, index] {
      pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index)).c_str());
      if (thread_started_) thread_started_();
      for (auto& acceptor : acceptors_) acceptor->accept_next();
      loop_.run();
    });
  }
  // Runs `task` in the worker's thread; the future is ready when it is done.
  std::future<void> post(std::function<void()> task) {
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> future = done->get_future();
    loop_.post([task = std::move(task), done] {
      task();
      done->set_value();
    });
    return future;
  }

  gateway::Gateway& gateway() { return gateway_; }
  Pulse& pulse() { return pulse_; }
  void stop_accepting() {
    for (auto& acceptor : acceptors_) acceptor->close();
    gateway_.set_draining();
    connections_.drain();
  }
  ConnectionSet& connections() { return connections_; }
  void forget_others() {
    if (thread_.joinable()) post([this] { connections_.when_full({}); }).wait();
  }
  // Any thread: the process has as many connections as it may; an idle one of ours could make room.
  void ask_for_room() {
    if (asked_for_room_.exchange(true)) return;
    loop_.post([this] {
      asked_for_room_ = false;
      connections_.close_idle(1);
    });
  }

 private:
  std::unique_ptr<outbound::Client> make_outbound(const ServerOptions& options) {
    if (!options.outbound) return nullptr;
    return std::make_unique<outbound::Client>(outbound_loop_, *options.outbound);
  }

  EventLoop loop_;
  Pulse pulse_{loop_};
  OutboundLoop outbound_loop_{loop_};
  std::unique_ptr<outbound::Client> outbound_;  // null: none
  runtime::Worker worker_;
  gateway::Gateway gateway_;
  ConnectionSet connections_;
  std::function<void()> thread_started_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::atomic<bool> asked_for_room_{false};
  std::thread thread_;
};

Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, Logger& logger,
                                               const std::vector<gateway::Route>& routes) {
  std::vector<ListenGroup> groups;
  for (const ListenAddress& address : options.listen) {
    auto group = listen_on(address, options.threads);
    if (!group) return fail(std::move(group.error()));
    groups.push_back(std::move(*group));
  }
  std::unique_ptr<Server> server(new Server);
  for (const ListenGroup& group : groups) server->addresses_.push_back(group.address);
  server->quota_ = std::make_unique<ConnectionQuota>(options.limits, options.threads);
  const gateway::RouteTable table(routes);
  for (unsigned i = 0; i < options.threads; ++i) {
    server->threads_.push_back(std::make_unique<Thread>(
        options, i, logger, *server->quota_, std::make_shared<gateway::RouteTable>(table)));
    for (ListenGroup& group : groups) server->threads_[i]->listen(std::move(group.sockets[i]));
  }
  for (auto& thread : server->threads_) {
    Thread* const own = thread.get();
    own->connections().when_full([threads = &server->threads_, own] {
      for (auto& other : *threads) {
        if (other.get() != own) other->ask_for_room();
      }
    });
  }
  for (unsigned i = 0; i < options.threads; ++i) server->threads_[i]->start(i);
  return server;
}

Server::~Server() {
  // Threads end one after the other: from here on none speaks to another.
  for (auto& thread : threads_) thread->forget_others();
}

void Server::beat() {
  for (auto& thread : threads_) thread->pulse().ask(monotonic_now());
}

std::chrono::nanoseconds Server::silence() const {
  std::chrono::nanoseconds longest{0};
  for (const auto& thread : threads_) {
    longest = std::max(longest, thread->pulse().silence(monotonic_now()));
  }
  return longest;
}

void Server::publish(const std::vector<gateway::Route>& routes) {
  std::vector<std::future<void>> adopted;
  const gateway::RouteTable table(routes);
  for (auto& thread : threads_) {
    auto own = std::make_shared<const gateway::RouteTable>(table);
    adopted.push_back(
        thread->post([&gateway = thread->gateway(), own = std::move(own)] { gateway.adopt(own); }));
  }
  for (auto& done : adopted) done.wait();
}

ConnectionCounts Server::connection_counts() {
  ConnectionCounts sum;
  for (auto& thread : threads_) {
    Thread* const worker = thread.get();
    ConnectionCounts counts;
    worker->post([&] { counts = worker->connections().counts(); }).wait();
    sum.add(counts);
  }
  return sum;
}

bool Server::drain(std::chrono::nanoseconds at_most, const std::function<bool()>& give_up) {
  const TimePoint until = monotonic_now() + at_most;
  // A worker may be late: nothing here waits for one without looking at the clock.
  const auto answered = [&](const std::future<void>& done) {
    while (done.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
      if (monotonic_now() >= until || give_up()) return false;
    }
    return true;
  };
  for (auto& thread : threads_) {
    Thread* const worker = thread.get();
    if (!answered(worker->post([worker] { worker->stop_accepting(); }))) return false;
  }
  while (true) {
    // Shared: a task may run after we have given up.
    const auto open = std::make_shared<std::atomic<std::size_t>>(0);
    for (auto& thread : threads_) {
      Thread* const worker = thread.get();
      if (!answered(worker->post([worker, open] { *open += worker->connections().size(); })))
        return false;
    }
    if (*open == 0) return true;
    if (monotonic_now() >= until || give_up()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace godwit::server
