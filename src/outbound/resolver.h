// Resolver: names to addresses, on threads of its own: the system's resolver blocks. Shared by all
// workers.
//
//   Resolver resolver({});
//   auto ticket = resolver.start(&grant, "api.example.com", [&](Resolution got) { post(got); });
//
// Bounded: so many names wait, and no owner has more than half of the threads, so that one
// function's slow names don't hold up the others'. Thread-safe. What still blocks when it is
// destroyed is left behind and reaches nobody.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "capability/outbound_http.h"

namespace godwit::outbound {

struct Resolution {
  std::vector<IpAddress> addresses;  // empty: `failure` says why
  capability::OutboundFailure failure = capability::OutboundFailure::kDnsError;
};

// Blocks; any thread.
using ResolveFunction = std::function<Resolution(const std::string& host)>;
// getaddrinfo(3).
Resolution resolve_by_system(const std::string& host);

struct ResolverOptions {
  unsigned threads = 4;
  std::size_t waiting_max = 1000;
  ResolveFunction resolve = resolve_by_system;
};

class Resolver final {
 public:
  explicit Resolver(const ResolverOptions& options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` from another thread, never from within. False: too many wait, nothing happens.
  bool start(const void* owner, std::string host, std::function<void(Resolution)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace godwit::outbound
