#include "admin/metrics_server.h"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "admin/metrics_client.h"
#include "admin/metrics_pages.h"

namespace godwit::admin {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kTick{1};

Fd open_spare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool out_of_descriptors(const error_code& error) {
  return error.value() == EMFILE || error.value() == ENFILE;
}

}  // namespace

class MetricsServer::Impl final {
 public:
  Impl(MetricsSite& site, const MetricsServerLimits& limits)
      : site_(site), limits_(limits), pages_(site), acceptor_(io_), timer_(io_) {}

  Result<void> listen(Fd socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    error_code error;
    acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), socket.get(), error);
    if (error) return fail(ErrorCode::kSystemCall, "metrics: " + error.message());
    (void)socket.release();  // the acceptor's
    acceptor_.non_blocking(true, error);
    return {};
  }
  void start() {
    thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "metrics");
      tick();
      accept_next();
      io_.run();
    });
  }
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      for (const auto& client : clients_) client->close();
      clients_.clear();
      io_.stop();
    });
    thread_.join();
  }

 private:
  void accept_next() {
    accepting_ = true;
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      accepting_ = false;
      if (!acceptor_.is_open()) return;
      if (!error) add(std::move(socket));
      // Without descriptors, asking again at once would only spin: the next tick does.
      if (out_of_descriptors(error) && !accept_with_spare()) return;
      accept_next();
    });
  }
  // Clients may have taken every descriptor of the process: one is kept for who wants to know.
  bool accept_with_spare() {
    if (!spare_.valid()) return false;
    spare_.reset();
    error_code error;
    tcp::socket socket = acceptor_.accept(error);
    if (error) return false;
    add(std::move(socket));
    return true;
  }
  void add(tcp::socket socket) {
    forget_closed();
    if (clients_.size() >= limits_.connections) evict_one();
    clients_.push_back(std::make_shared<MetricsClient>(std::move(socket), pages_, limits_));
    clients_.back()->begin();
  }
  void forget_closed() {
    std::erase_if(clients_, [](const auto& client) {
      return client->stage() == MetricsClient::Stage::kClosed;
    });
  }
  // The oldest of those whose stage is the least loss.
  void evict_one() {
    const auto victim =
        std::min_element(clients_.begin(), clients_.end(),
                         [](const auto& a, const auto& b) { return a->stage() < b->stage(); });
    (*victim)->close();
    clients_.erase(victim);
  }
  void tick() {
    site_.beat();
    const TimePoint now = monotonic_now();
    for (const auto& client : clients_) {
      if (client->late(now)) client->close();
    }
    forget_closed();
    if (!spare_.valid()) spare_ = open_spare();
    if (!accepting_ && acceptor_.is_open()) accept_next();
    timer_.expires_after(kTick);
    timer_.async_wait([this](const error_code& error) {
      if (!error) tick();
    });
  }

  MetricsSite& site_;
  const MetricsServerLimits limits_;
  MetricsPages pages_;
  Fd spare_ = open_spare();
  boost::asio::io_context io_{1};  // one thread runs it, others may post
  tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  bool accepting_ = false;
  std::vector<std::shared_ptr<MetricsClient>> clients_;  // in the order in which they came
  std::thread thread_;
};

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

MetricsServer::~MetricsServer() { impl_->stop(); }

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(Fd socket, MetricsSite& site,
                                                            const MetricsServerLimits& limits) {
  auto impl = std::make_unique<Impl>(site, limits);
  if (auto listening = impl->listen(std::move(socket)); !listening) {
    return fail(std::move(listening.error()));
  }
  impl->start();
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

}  // namespace godwit::admin
