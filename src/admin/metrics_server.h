// MetricsServer: the read-only HTTP side of `--metrics`: GET and HEAD of /metrics, /healthz and
// /readyz. It has a thread and an event loop of its own and waits for nobody, so it answers while
// all workers are busy and while the server refuses requests or drains.
//
//   auto server = MetricsServer::start(std::move(listening_socket), site, {});
//   …                                                 // it serves until it is destroyed
//
// Its clients are strangers: one request per connection, no body, small heads, a deadline for each
// step, a bounded number of connections. When that is reached the one that has been at it longest
// goes, so that slow clients can't keep a scraper out. A page is made for all who ask within a
// while: making pages takes at most a small part of the thread's time. No authentication: listen on
// the loopback.
//
// start() and the destructor: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "admin/metrics_site.h"
#include "base/error.h"
#include "base/fd.h"

namespace godwit::admin {

struct MetricsServerLimits {
  std::size_t connections = 32;
  std::chrono::milliseconds head{5'000};    // from the connection to the end of the head
  std::chrono::milliseconds reply{10'000};  // from there to the last byte that the client took
  std::chrono::milliseconds linger{1'000};  // for the client to close after it
};

class MetricsServer final {
 public:
  // `socket` listens and is non-blocking; `site` must outlive the server. Errors: kSystemCall.
  static Result<std::unique_ptr<MetricsServer>> start(Fd socket, MetricsSite& site,
                                                      const MetricsServerLimits& limits);
  ~MetricsServer();  // every connection closes
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace godwit::admin
