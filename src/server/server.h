// Server: the data plane: one thread per core, each with its own event loop, listening sockets,
// connections and share of the runtime.
//
//   auto server = Server::create({.listen = {*address}, .threads = 2}, logger, routes);
//   (*server)->publish(new_routes);             // returns when every worker serves them
//   (*server)->drain(std::chrono::seconds(10)); // true: everything that ran has finished
//
// create(), publish(), connection_counts(), drain() and the destructor belong to the control plane:
// one thread at a time, never a worker's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "capability/memory_budget.h"
#include "gateway/gateway.h"
#include "gateway/route_table.h"
#include "observe/metrics.h"
#include "outbound/client.h"
#include "runtime/blocking_pool.h"
#include "server/connection_limits.h"
#include "server/connection_quota.h"
#include "server/listener.h"

namespace godwit::server {

struct ServerOptions {
  std::vector<ListenAddress> listen;
  unsigned threads = 1;
  gateway::GatewayOptions gateway;
  ConnectionLimits limits;
  runtime::BlockingPool* blocking = nullptr;        // must outlive the server
  std::optional<outbound::ClientOptions> outbound;  // nothing: no function sends requests
  capability::MemoryBudget* memory = nullptr;       // of all guests; likewise
  capability::MemoryBudget* places = nullptr;       // for sandboxes, in the engine; likewise
  observe::Metrics* metrics = nullptr;              // for as many workers; likewise
  // Called in each worker's thread before it serves (engines prepare signal stacks there).
  std::function<void()> thread_started;
};

class Server final {
 public:
  // Listens and serves when it returns. Errors: kAddressInUse, kAddressUnusable.
  static Result<std::unique_ptr<Server>> create(const ServerOptions& options, Logger& logger,
                                                const std::vector<gateway::Route>& routes);
  ~Server();  // cancels what still runs
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What it listens on, with the ports that it got.
  const std::vector<ListenAddress>& addresses() const { return addresses_; }
  // Every worker serves `routes` when this returns; requests that have begun end as they began.
  void publish(const std::vector<gateway::Route>& routes);
  // Of all workers together; returns when every worker has told its own.
  ConnectionCounts connection_counts();
  // Stops accepting and lets requests finish, `at_most` so long; what is left then is cancelled.
  // True when nothing was left. May be asked to give up early.
  bool drain(std::chrono::nanoseconds at_most, const std::function<bool()>& give_up);

  // Asks every worker that has answered before for a sign of life. Any thread, one at a time.
  void beat();
  // How long the slowest worker has owed one; 0: all have answered. Any thread.
  std::chrono::nanoseconds silence() const;

 private:
  class Thread;
  Server() = default;

  std::vector<ListenAddress> addresses_;
  std::unique_ptr<ConnectionQuota> quota_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace godwit::server
