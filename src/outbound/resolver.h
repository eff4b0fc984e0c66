// Resolver: names to addresses, on threads of its own: the system's resolver blocks. Shared by all
// workers.
//
//   Resolver resolver({});
//   auto lookup = resolver.start(&grant, "api.example.com", [&](Resolution got) { post(got); });
//   lookup.reset();                          // nobody waits for the answer any more
//
// Fair and bounded: owners take turns, none has more than half of the threads, and no more names
// of one wait than the options say, nor than there is room left for everybody's. A name that is
// asked for while it is looked up is not looked up twice. Thread-safe. What still blocks when it is
// destroyed is left behind and reaches nobody.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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
  std::size_t waiting_max = 1000;          // names, of all owners
  std::size_t waiting_per_owner_max = 64;  // names
  ResolveFunction resolve = resolve_by_system;
};

class Resolver final {
  struct State;
  struct Asker;
  struct Job;

 public:
  // Who waits for an answer. Destroying it withdraws: `done` is not called any more, and a name
  // that nobody else waits for leaves the queue. Any thread but that of `done`; may outlive the
  // resolver.
  class Lookup final {
   public:
    Lookup(std::shared_ptr<State> state, std::shared_ptr<Asker> asker);
    ~Lookup();
    Lookup(Lookup&&) noexcept = default;
    Lookup& operator=(Lookup&& other) noexcept;

   private:
    std::shared_ptr<State> state_;
    std::shared_ptr<Asker> asker_;  // null: moved from
  };

  explicit Resolver(const ResolverOptions& options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` from another thread, never from within; it must not use the resolver. Nothing: too
  // many names wait, of this owner or of all.
  std::optional<Lookup> start(const void* owner, std::string host,
                              std::function<void(Resolution)> done);
  // Names that wait for a thread.
  std::size_t waiting() const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace godwit::outbound
