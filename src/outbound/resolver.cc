#include "outbound/resolver.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <set>
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

struct Resolver::Asker {
  Job* job;  // null: it was told
  std::function<void(Resolution)> done;
};

struct Resolver::Job {
  const void* owner;  // in whose turn it is looked up
  std::string host;
  std::set<std::shared_ptr<Asker>> askers;
};

struct Resolver::State {
  using Jobs = std::list<std::unique_ptr<Job>>;
  struct Owner {
    const void* id;
    Jobs waiting;
    unsigned running = 0;
  };

  explicit State(const ResolverOptions& given)
      : options(given), per_owner(std::max(1U, given.threads / 2)) {}

  // REQUIRE the lock.
  std::list<Owner>::iterator next();
  Job* job_of(const void* owner, const std::string& host);
  std::unique_ptr<Job> take();
  void finish(const Job& job, const Resolution& resolution);
  void withdraw(const std::shared_ptr<Asker>& asker);

  void run();

  const ResolverOptions options;
  const unsigned per_owner;
  std::mutex mutex;  // the rest
  std::condition_variable wake;
  std::list<Owner> owners;  // with jobs, none else; whose turn comes first stands first
  std::list<Job*> running;  // the threads'
  std::size_t waiting = 0;  // jobs of all owners
  unsigned threads = 0;
  unsigned idle = 0;
  bool stopping = false;
};

std::list<Resolver::State::Owner>::iterator Resolver::State::next() {
  return std::find_if(owners.begin(), owners.end(), [&](const Owner& owner) {
    return !owner.waiting.empty() && owner.running < per_owner;
  });
}

// The one that looks `host` up already, or will for this owner. One that waits for another owner's
// turn is not joined: turns of others may come later.
Resolver::Job* Resolver::State::job_of(const void* owner, const std::string& host) {
  const auto same = [&](const auto& job) { return job->host == host; };
  if (const auto found = std::find_if(running.begin(), running.end(), same);
      found != running.end()) {
    return *found;
  }
  for (const Owner& each : owners) {
    if (each.id != owner) continue;
    const auto found = std::find_if(each.waiting.begin(), each.waiting.end(), same);
    if (found != each.waiting.end()) return found->get();
  }
  return nullptr;
}

// The oldest of whose turn it is, with all who ask for the same. REQUIRES: there is one.
std::unique_ptr<Resolver::Job> Resolver::State::take() {
  const auto owner = next();
  std::unique_ptr<Job> job = std::move(owner->waiting.front());
  owner->waiting.pop_front();
  --waiting;
  ++owner->running;
  owners.splice(owners.end(), owners, owner);
  for (Owner& other : owners) {
    const auto same = std::find_if(other.waiting.begin(), other.waiting.end(),
                                   [&](const auto& each) { return each->host == job->host; });
    if (same == other.waiting.end()) continue;
    for (const auto& asker : (*same)->askers) asker->job = job.get();
    job->askers.merge((*same)->askers);
    other.waiting.erase(same);
    --waiting;
  }
  running.push_back(job.get());
  return job;
}

void Resolver::State::finish(const Job& job, const Resolution& resolution) {
  std::erase(running, &job);
  for (Owner& owner : owners) {
    if (owner.id == job.owner) --owner.running;
  }
  std::erase_if(owners,
                [](const Owner& each) { return each.waiting.empty() && each.running == 0; });
  // Told under the lock: after the destructor nobody is told any more.
  for (const auto& asker : job.askers) {
    asker->job = nullptr;
    asker->done(resolution);
  }
}

void Resolver::State::withdraw(const std::shared_ptr<Asker>& asker) {
  Job* const job = asker->job;
  if (stopping || job == nullptr) return;
  job->askers.erase(asker);
  // What a thread has begun can't be taken from it.
  if (!job->askers.empty() || std::find(running.begin(), running.end(), job) != running.end()) {
    return;
  }
  for (Owner& owner : owners) {
    if (owner.id != job->owner) continue;
    std::erase_if(owner.waiting, [&](const auto& each) { return each.get() == job; });
    --waiting;
    break;
  }
  std::erase_if(owners,
                [](const Owner& each) { return each.waiting.empty() && each.running == 0; });
}

void Resolver::State::run() {
  std::unique_lock lock(mutex);
  while (true) {
    ++idle;
    wake.wait(lock, [&] { return stopping || next() != owners.end(); });
    --idle;
    if (stopping) return;
    const std::unique_ptr<Job> job = take();
    lock.unlock();
    const Resolution resolution = options.resolve(job->host);
    lock.lock();
    if (stopping) return;
    finish(*job, resolution);
    wake.notify_one();  // its owner has a thread left again
  }
}

Resolver::Lookup::Lookup(std::shared_ptr<State> state, std::shared_ptr<Asker> asker)
    : state_(std::move(state)), asker_(std::move(asker)) {}

Resolver::Lookup& Resolver::Lookup::operator=(Lookup&& other) noexcept {
  std::swap(state_, other.state_);  // its end withdraws what this one was
  std::swap(asker_, other.asker_);
  return *this;
}

Resolver::Lookup::~Lookup() {
  if (asker_ == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  state_->withdraw(asker_);
}

Resolver::Resolver(const ResolverOptions& options) : state_(std::make_shared<State>(options)) {}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->owners.clear();
  state_->wake.notify_all();
}

std::optional<Resolver::Lookup> Resolver::start(const void* owner, std::string host,
                                                std::function<void(Resolution)> done) {
  const std::lock_guard lock(state_->mutex);
  State& state = *state_;
  Job* job = state.job_of(owner, host);
  if (job == nullptr) {
    auto mine = std::find_if(state.owners.begin(), state.owners.end(),
                             [&](const State::Owner& each) { return each.id == owner; });
    const std::size_t waits = mine == state.owners.end() ? 0 : mine->waiting.size();
    const std::size_t room = state.options.waiting_max - state.waiting;
    if (waits >= std::min(state.options.waiting_per_owner_max, room)) return std::nullopt;
    if (mine == state.owners.end()) {
      mine = state.owners.insert(mine, {.id = owner, .waiting = {}});
    }
    mine->waiting.push_back(
        std::make_unique<Job>(Job{.owner = owner, .host = std::move(host), .askers = {}}));
    ++state.waiting;
    job = mine->waiting.back().get();
    if (state.idle == 0 && state.threads < state.options.threads) {
      ++state.threads;
      std::thread([shared = state_] { shared->run(); }).detach();
    }
    state.wake.notify_one();
  }
  auto asker = std::make_shared<Asker>(Asker{.job = job, .done = std::move(done)});
  job->askers.insert(asker);
  return Lookup(state_, std::move(asker));
}

std::size_t Resolver::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting;
}

}  // namespace godwit::outbound
