#include "engines/wasmtime/epoch_ticker.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <pthread.h>
#include <sched.h>

namespace godwit::engines::wasmtime {
namespace {

// Tickers are told apart by number: an address may be used again.
std::uint64_t next_id() {
  static std::atomic<std::uint64_t> id{0};
  return id.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Whoever ends slices must not wait behind those whose slices it ends: under full load one tick in
// a hundred came 2 to 8 ms late. Real time, for 5 µs each millisecond; where it is not permitted
// (RLIMIT_RTPRIO, CAP_SYS_NICE) ticks come as they did.
void take_precedence() {
  sched_param lowest{};
  lowest.sched_priority = ::sched_get_priority_min(SCHED_RR);
  (void)::sched_setscheduler(0, SCHED_RR, &lowest);  // of this thread
}

struct OwnLane {
  std::uint64_t ticker;
  std::shared_ptr<EpochTicker::Lane> lane;
};

}  // namespace

EpochTicker::EpochTicker(std::function<void()> tick, std::chrono::microseconds period)
    : id_(next_id()), tick_(std::move(tick)), period_(period) {
  // The process's signals are for the threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // The process may give the right to it up soon.
  ready_.wait(false, std::memory_order_acquire);
}

EpochTicker::~EpochTicker() {
  stopping_.store(true, std::memory_order_seq_cst);
  unpark();
  thread_.join();
}

std::shared_ptr<EpochTicker::Lane> EpochTicker::lane() {
  thread_local std::vector<OwnLane> own;
  for (const OwnLane& entry : own) {
    if (entry.ticker == id_) return entry.lane;
  }
  // Lanes that nobody else holds belong to tickers that are gone.
  std::erase_if(own, [](const OwnLane& entry) { return entry.lane.use_count() == 1; });
  auto lane = std::make_shared<Lane>();
  own.push_back({id_, lane});
  const std::lock_guard lock(mutex_);
  lanes_.push_back({lane, 0});
  return lane;
}

void EpochTicker::wait_for_passages() {
  std::vector<Watched> inside;
  {
    const std::lock_guard lock(mutex_);
    for (const Watched& watched : lanes_) {
      const std::uint64_t passages = watched.lane->passages.load(std::memory_order_seq_cst);
      if (passages % 2 == 1) inside.push_back({watched.lane, passages});
    }
  }
  for (const Watched& each : inside) {
    // Pairs with leave(): what the thread did inside has happened.
    while (each.lane->passages.load(std::memory_order_acquire) == each.seen) {
      std::this_thread::sleep_for(period_ / 10);
    }
  }
}

void EpochTicker::unpark() noexcept {
  parked_.store(0, std::memory_order_seq_cst);
  parked_.notify_one();
}

bool EpochTicker::active() {
  const std::lock_guard lock(mutex_);
  bool any = false;
  for (Watched& watched : lanes_) {
    const std::uint64_t passages = watched.lane->passages.load(std::memory_order_seq_cst);
    any = any || passages != watched.seen || passages % 2 == 1;
    watched.seen = passages;
  }
  // A lane that only this list holds belonged to a thread that has ended.
  std::erase_if(lanes_, [](const Watched& watched) { return watched.lane.use_count() == 1; });
  return any;
}

void EpochTicker::park() {
  parked_.store(1, std::memory_order_seq_cst);
  // Whoever entered before the store above is seen here; whoever enters after it sees the store.
  // The destructor's `stopping_` follows the same pattern.
  if (active() || stopping_.load(std::memory_order_seq_cst)) {
    parked_.store(0, std::memory_order_seq_cst);
    return;
  }
  parked_.wait(1, std::memory_order_seq_cst);
}

void EpochTicker::run() {
  pthread_setname_np(pthread_self(), "godwit-epoch");  // another thread's name is a file
  take_precedence();
  ready_.store(true, std::memory_order_release);
  ready_.notify_one();
  int idle_ticks = kIdleTicks;
  while (!stopping_.load(std::memory_order_seq_cst)) {
    if (idle_ticks >= kIdleTicks) {
      park();
      idle_ticks = 0;
      continue;
    }
    std::this_thread::sleep_for(period_);
    tick_();
    idle_ticks = active() ? 0 : idle_ticks + 1;
  }
}

}  // namespace godwit::engines::wasmtime
