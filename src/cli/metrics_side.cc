#include "cli/metrics_side.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

namespace godwit::cli {
namespace {

bool is_loopback(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (address.ss_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr) != 0;
  }
  const in_addr_t ip = ntohl(reinterpret_cast<const sockaddr_in*>(&address)->sin_addr.s_addr);
  return ip >> 24 == IN_LOOPBACKNET;
}

}  // namespace

MetricsSide::MetricsSide(const MetricsSideOptions& options)
    : address_(options.address), silence_max_(options.silence_max) {
  if (!address_) return;
  metrics_.emplace(
      observe::MetricsOptions{.workers = options.workers,
                              .version = GODWIT_VERSION,
                              .engine = fmt::format("wasmtime {}", GODWIT_ENGINE_VERSION)});
  metrics_->set_source(observe::MetricId::kDraining, [this](auto& samples) {
    samples.push_back({"", draining_.load(std::memory_order_relaxed) ? 1.0 : 0.0});
  });
}

Result<void> MetricsSide::start(Logger& logger) {
  if (!address_) return {};
  auto group = server::listen_on(*address_, 1);
  if (!group) {
    Error error = std::move(group.error());
    error.detail = "--metrics " + error.detail;
    return fail(std::move(error));
  }
  address_ = group->address;
  Fd socket = std::move(group->sockets[0]);
  if (!is_loopback(socket)) {
    logger.warning("serve", "metrics are told to anybody who can connect",
                   {{"address", server::listen_address_text(*address_)}});
  }
  auto http = admin::MetricsServer::start(std::move(socket), *this, {});
  if (!http) return fail(std::move(http.error()));
  http_ = std::move(*http);
  return {};
}

std::string MetricsSide::url() const {
  return address_ ? "http://" + server::listen_address_text(*address_) : "";
}

void MetricsSide::serving(server::Server& server) {
  const std::lock_guard lock(mutex_);
  server_ = &server;
}

void MetricsSide::stop() {
  http_.reset();  // its thread has ended: nobody asks any more
  if (metrics_) metrics_->clear_sources();
  const std::lock_guard lock(mutex_);
  server_ = nullptr;
}

std::string MetricsSide::metrics(observe::ExpositionFormat format) {
  return metrics_->expose(format);
}

admin::Health MetricsSide::live() {
  const std::lock_guard lock(mutex_);
  if (server_ == nullptr) return {};
  const auto silence = server_->silence();
  if (silence < silence_max_) return {};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence);
  return {.good = false,
          .reason = fmt::format("a worker has not turned for {} s", seconds.count())};
}

admin::Health MetricsSide::ready() {
  if (draining_.load(std::memory_order_relaxed)) return {.good = false, .reason = "draining"};
  const std::lock_guard lock(mutex_);
  if (server_ == nullptr) return {.good = false, .reason = "starting"};
  return {};
}

void MetricsSide::beat() {
  const std::lock_guard lock(mutex_);
  if (server_ != nullptr) server_->beat();
}

}  // namespace godwit::cli
