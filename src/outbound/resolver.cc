#include "outbound/resolver.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>

namespace godwit::outbound {
namespace {

constexpr std::size_t kMaxAddresses = 16;

capability::OutboundFailure failure_of(int error) {
  switch (error) {
    case EAI_NONAME:
    case EAI_NODATA: return capability::OutboundFailure::kDestinationNotFound;
    case EAI_AGAIN: return capability::OutboundFailure::kDnsTimeout;
    default: return capability::OutboundFailure::kDnsError;
  }
}

}  // namespace

Resolution resolve_by_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return {.addresses = {}, .failure = failure_of(error)};
  Resolution resolution;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const auto address = IpAddress::of(*each->ai_addr);
    if (address && resolution.addresses.size() < kMaxAddresses) {
      resolution.addresses.push_back(*address);
    }
  }
  ::freeaddrinfo(found);
  if (resolution.addresses.empty()) {
    resolution.failure = capability::OutboundFailure::kDestinationNotFound;
  }
  return resolution;
}

struct Resolver::State {
  struct Job {
    const void* owner;
    std::string host;
    std::function<void(Resolution)> done;
  };

  explicit State(const ResolverOptions& given)
      : options(given), per_owner(std::max(1U, given.threads / 2)) {}

  // The oldest whose owner has a thread left. REQUIRES: the lock.
  std::list<Job>::iterator next() {
    return std::find_if(waiting.begin(), waiting.end(), [&](const Job& job) {
      const auto found = running.find(job.owner);
      return found == running.end() || found->second < per_owner;
    });
  }
  void run();

  const ResolverOptions options;
  const unsigned per_owner;
  std::mutex mutex;  // the rest
  std::condition_variable wake;
  std::list<Job> waiting;
  std::map<const void*, unsigned> running;  // of each owner
  unsigned threads = 0;
  unsigned idle = 0;
  bool stopping = false;
};

void Resolver::State::run() {
  std::unique_lock lock(mutex);
  while (true) {
    auto found = next();
    ++idle;
    while (!stopping && found == waiting.end()) {
      wake.wait(lock);
      found = next();
    }
    --idle;
    if (stopping) return;
    Job job = std::move(*found);
    waiting.erase(found);
    ++running[job.owner];
    lock.unlock();
    Resolution resolution = options.resolve(job.host);
    lock.lock();
    if (--running[job.owner] == 0) running.erase(job.owner);
    // Told under the lock: after the destructor nobody is told any more.
    if (!stopping) job.done(std::move(resolution));
    wake.notify_one();  // its owner has a thread left again
  }
}

Resolver::Resolver(const ResolverOptions& options) : state_(std::make_shared<State>(options)) {}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->waiting.clear();
  state_->wake.notify_all();
}

bool Resolver::start(const void* owner, std::string host, std::function<void(Resolution)> done) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() >= state_->options.waiting_max) return false;
  state_->waiting.push_back({owner, std::move(host), std::move(done)});
  if (state_->idle == 0 && state_->threads < state_->options.threads) {
    ++state_->threads;
    std::thread([state = state_] { state->run(); }).detach();
  }
  state_->wake.notify_one();
  return true;
}

}  // namespace godwit::outbound
