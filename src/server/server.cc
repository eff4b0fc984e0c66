#include "server/server.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <thread>

#include <pthread.h>
#include <boost/asio/ip/tcp.hpp>

#include "runtime/worker.h"
#include "server/event_loop.h"
#include "server/pulse.h"

namespace godwit::server {
namespace {

using boost::asio::ip::tcp;

constexpr int kMaxBacklog = 4096;

// One listening socket of one worker.
class Acceptor final : private runtime::TimerNode {
 public:
  Acceptor(EventLoop& loop, runtime::TimerQueue& timers, ConnectionSet& connections, Fd socket)
      : timers_(timers), connections_(connections), acceptor_(loop.io()) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), socket.release());
  }
  ~Acceptor() override = default;

  void accept_next() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      // A connection that was accepted just before close() is served; nothing is accepted after it.
      if (!error) connections_.add(std::move(socket));
      if (!acceptor_.is_open()) return;
      if (error && out_of_descriptors(error.value())) {
        // The connection stays in the backlog; asking again at once would only spin.
        return timers_.arm(*this, monotonic_now() + std::chrono::milliseconds(50));
      }
      accept_next();
    });
  }
  // Who is in the backlog has connected and gets an answer; the kernel would reset the rest.
  void close() {
    disarm();
    boost::system::error_code error;
    acceptor_.non_blocking(true, error);
    for (int i = 0; i < kMaxBacklog && !error; ++i) {
      tcp::socket socket = acceptor_.accept(error);
      if (!error) connections_.add(std::move(socket));
    }
    acceptor_.close(error);
  }

 private:
  static bool out_of_descriptors(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
  }
  void on_timer() noexcept override { accept_next(); }

  runtime::TimerQueue& timers_;
  ConnectionSet& connections_;
  tcp::acceptor acceptor_;
};

gateway::GatewayOptions gateway_options(const ServerOptions& options, unsigned index) {
  gateway::GatewayOptions own = options.gateway;
  if (options.metrics != nullptr) own.metrics = &options.metrics->worker(index);
  return own;
}

}  // namespace

// One worker: everything in it is used by its own thread, but for EventLoop::post.
class Server::Thread final {
 public:
  Thread(const ServerOptions& options, unsigned index, Logger& logger,
         std::shared_ptr<const gateway::RouteTable> routes)
      : worker_(loop_, {.blocking = options.blocking,
                        .memory = {.budget = options.memory, .workers = options.threads}}),
        gateway_(worker_, logger, gateway_options(options, index), std::move(routes)),
        connections_(gateway_, worker_.timers(), options.timeouts),
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
  std::size_t connections() const { return connections_.size(); }

 private:
  EventLoop loop_;
  Pulse pulse_{loop_};
  runtime::Worker worker_;
  gateway::Gateway gateway_;
  ConnectionSet connections_;
  std::function<void()> thread_started_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
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
  const gateway::RouteTable table(routes);
  for (unsigned i = 0; i < options.threads; ++i) {
    server->threads_.push_back(
        std::make_unique<Thread>(options, i, logger, std::make_shared<gateway::RouteTable>(table)));
    for (ListenGroup& group : groups) server->threads_[i]->listen(std::move(group.sockets[i]));
  }
  for (unsigned i = 0; i < options.threads; ++i) server->threads_[i]->start(i);
  return server;
}

Server::~Server() = default;

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
      if (!answered(worker->post([worker, open] { *open += worker->connections(); }))) return false;
    }
    if (*open == 0) return true;
    if (monotonic_now() >= until || give_up()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace godwit::server
