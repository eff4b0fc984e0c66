// Client: a worker's outbound HTTP, over libcurl's multi interface on the worker's event loop.
//
//   Resolver resolver({});                                        // of the process
//   Client client(loop, {.roots = *TrustRoots::of_system(), .resolver = &resolver});
//   auto http = client.open(grants.outbound);                     // of an invocation
//
// Each grant has a pool of its own: what is kept between requests (connections, names, TLS) is
// never shared between functions, nor between two settings of one. Worker-local; must outlive what
// it gave out, and not its loop. global_setup() once, before there are threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "capability/outbound_http.h"
#include "outbound/loop.h"
#include "outbound/resolver.h"
#include "outbound/trust_roots.h"

namespace godwit::outbound {

class Pool;

// A request that was not allowed. Views hold for the call.
struct Refusal {
  std::string_view function;
  std::string_view target;  // "https://api.example.com"
  std::string_view reason;  // "it is not in allowed-outbound-hosts", "its address 10.0.0.7 is …"
  std::string_view line;    // what would allow it, to be put into the function's settings
};

struct ClientOptions {
  std::shared_ptr<const TrustRoots> roots;  // null: no https server is trusted
  Resolver* resolver = nullptr;             // must outlive the client
  // Hears of each kind of refusal once, of 32 for each function; on the worker's thread.
  std::function<void(const Refusal&)> refused;
  Nanoseconds names_kept = std::chrono::seconds(5);  // how long an answer of the resolver is used
  // The same of its failures, at most names_kept: a name that is not there costs no thread each
  // time.
  Nanoseconds failures_kept = std::chrono::seconds(1);
  std::size_t calls_max = 1024;  // of the worker, at once
};

void global_setup();

class Client final : public capability::OutboundClient, private TimerObserver {
 public:
  Client(Loop& loop, const ClientOptions& options);
  ~Client();  // REQUIRES: no call is left
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A grant without hosts: everything is refused, and the log says what would allow it.
  std::unique_ptr<capability::OutboundHttp> open(
      std::shared_ptr<const capability::OutboundGrant> grant) override;

  // Calls under way, and those whose answer is not read yet; for metrics and tests.
  std::size_t calls() const { return calls_; }
  std::size_t pools() const { return pools_.size(); }

  // --- For src/outbound alone
  Loop& loop() { return loop_; }
  const ClientOptions& options() const { return options_; }
  Pool& pool(const std::shared_ptr<const capability::OutboundGrant>& grant);
  void refused(const capability::OutboundGrant& grant, std::string_view scheme,
               const manifest::Authority& target, const IpAddress* address);
  // A place for one more call of this pool; false: there is none, or the pool has as many as are
  // then still free for all (as runtime/purse.h has it for memory), so that one function leaves
  // room for others.
  bool enter(Pool& pool);
  void leave(Pool& pool);
  // Looks `host` up for a grant; `done` is called on the worker's thread unless the client is gone
  // by then, and perhaps once the lookup is. Nothing: too many are.
  std::optional<Resolver::Lookup> look_up(const capability::OutboundGrant& grant,
                                          const std::string& host,
                                          std::function<void(Resolution)> done);

 private:
  struct Mailbox;
  static constexpr std::chrono::seconds kSweepEvery{15};
  // Lines of the log that one function may have; functions that are remembered at once.
  static constexpr std::size_t kMaxTold = 32;
  static constexpr std::size_t kMaxTellers = 4096;

  void on_timer() noexcept override;

  Loop& loop_;
  const ClientOptions options_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<const capability::OutboundGrant*, std::unique_ptr<Pool>> pools_;
  std::unique_ptr<LoopTimer> sweep_;
  std::map<std::string, std::set<std::string>> told_;  // function → what it needs
  std::size_t calls_ = 0;
};

}  // namespace godwit::outbound
