// MetricsSide: what `--metrics` adds to a server: the numbers, and the HTTP side that tells them.
//
//   MetricsSide side({.address = config.metrics, .workers = threads});
//   // Platform, FunctionCatalog and Server get side.metrics()
//   side.start(logger);                  // answers from now on: alive, not ready
//   side.serving(server);                // ready
//   side.draining();                     // not ready any more
//   side.stop();                         // before the server goes
//
// Without an address nobody counts and nothing listens. One thread (the main thread); what the HTTP
// side's thread reads of it is guarded.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "admin/metrics_server.h"
#include "admin/metrics_site.h"
#include "base/error.h"
#include "base/log.h"
#include "observe/metrics.h"
#include "server/listener.h"
#include "server/server.h"

namespace godwit::cli {

struct MetricsSideOptions {
  std::optional<server::ListenAddress> address;
  unsigned workers = 1;
  // A slice of a guest lasts a millisecond, one bulk instruction over all of its memory less than a
  // second: a worker that is silent for so long does not come back.
  std::chrono::milliseconds silence_max{10'000};
};

class MetricsSide final : private admin::MetricsSite {
 public:
  explicit MetricsSide(const MetricsSideOptions& options);
  ~MetricsSide() { stop(); }
  MetricsSide(const MetricsSide&) = delete;
  MetricsSide& operator=(const MetricsSide&) = delete;

  // Null without an address.
  observe::Metrics* metrics() { return metrics_ ? &*metrics_ : nullptr; }
  // Listens and answers. Errors: kAddressInUse, kAddressUnusable, kSystemCall.
  Result<void> start(Logger& logger);
  // "http://127.0.0.1:9100", with the port that it got, after start(); empty without an address.
  std::string url() const;
  // All workers of `server` have adopted the routes; it must stay until stop().
  void serving(server::Server& server);
  void draining() { draining_.store(true, std::memory_order_relaxed); }
  void stop();

 private:
  std::string metrics(observe::ExpositionFormat format) override;
  admin::Health live() override;
  admin::Health ready() override;
  void beat() override;

  std::optional<server::ListenAddress> address_;
  const std::chrono::milliseconds silence_max_;
  std::optional<observe::Metrics> metrics_;
  std::atomic<bool> draining_{false};
  std::mutex mutex_;  // server_; never held while anything is waited for
  server::Server* server_ = nullptr;
  std::unique_ptr<admin::MetricsServer> http_;
};

}  // namespace godwit::cli
