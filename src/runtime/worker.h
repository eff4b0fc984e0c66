// Worker: the runtime's part of one thread: its timers, the invocations that are ready to go on and
// the fair choice among them, its part of the memory budget, random bytes. The event loop drives
// it (loop.h).
//
// Used by its own thread only; grants from other workers come through Loop::post.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/log.h"
#include "capability/outbound_http.h"
#include "capability/random.h"
#include "runtime/blocking_pool.h"
#include "runtime/fair_queue.h"
#include "runtime/idle_sandboxes.h"
#include "runtime/invocation.h"
#include "runtime/loop.h"
#include "runtime/purse.h"
#include "runtime/remains.h"
#include "runtime/timer_queue.h"

namespace godwit::runtime {

struct WorkerOptions {
  BlockingPool* blocking = nullptr;  // without it no function may be granted folders of the host
  capability::OutboundClient* outbound = nullptr;  // without it nothing leaves; must outlive it
  // Without budgets only the functions' own limits hold, and the engine's.
  Purse::Options memory;
  Purse::Options places;  // for sandboxes; engine::Module::places() of each
  // What guests may run within one round of I/O events, before those that wait are asked.
  Nanoseconds inline_time = std::chrono::microseconds(300);
};

class Worker final : private TimerQueue::Listener {
 public:
  explicit Worker(Loop& loop, const WorkerOptions& options = {});
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs one slice of whoever's turn it is (fair_queue.h). False when none was ready.
  bool run_ready();
  // Runs those that are ready, one that may take long or several for about kTurnTime: the loop does
  // I/O in between, so that no answer waits for the next guest.
  void run_turn();
  bool has_ready() const { return !queue_.empty(); }
  void fire_timers(TimePoint now) { timers_.fire_due(now); }

  TimerQueue& timers() { return timers_; }
  Loop& loop() { return loop_; }
  capability::Random& random() { return random_; }
  capability::OutboundClient* outbound() { return outbound_; }
  BlockingDesk* blocking() { return blocking_ ? &*blocking_ : nullptr; }
  const IdleSandboxes& idle() const { return idle_; }

 private:
  friend class Invocation;
  friend class Remains;
  // Longer turns save looks at the sockets, shorter ones bound how late those are.
  static constexpr Nanoseconds kTurnTime = std::chrono::microseconds(500);
  // What may take longer gets a turn of its own.
  static constexpr Nanoseconds kLongSlice = std::chrono::microseconds(100);
  // How often those are tried again for whom there was no memory; another worker may have freed it.
  static constexpr std::chrono::milliseconds kRetryDelay{10};
  static constexpr int kRetriesAtOnce = 4;

  class RetryTimer final : public TimerNode {
   public:
    explicit RetryTimer(Worker& worker) : worker_(worker) {}

   private:
    void on_timer() noexcept override { worker_.retry_some(); }
    Worker& worker_;
  };

  void earliest_changed(TimePoint deadline) noexcept override { loop_.wake_at(deadline); }
  std::uint64_t next_ticket() { return ++last_ticket_; }
  void add_ticket(std::uint64_t ticket, Invocation& invocation) {
    tickets_.emplace(ticket, &invocation);
  }
  void drop_ticket(std::uint64_t ticket) { tickets_.erase(ticket); }
  // A place was granted to `ticket`; gives it back when that run is gone.
  void take_grant(std::uint64_t ticket, GateGrant& grant);

  FairQueue& queue() { return queue_; }
  bool counts_memory() const { return memory_.counts(); }
  // May an invocation run within the I/O event that brought it?
  bool may_run_at_once() const { return queue_.empty() && inline_time_ < most_inline_time_; }
  void charge(FunctionShare& share, Nanoseconds time);
  // The run in `instance` is over: gives back what it has, in the turns of its function.
  void give_back(std::unique_ptr<engine::Instance> instance, FunctionShare& share,
                 std::uint32_t places);
  void given_back(const Remains& remains);
  // There was no room for a fresh invocation of `share`: its starts wait.
  void block_starts(FunctionShare& share, bool for_memory);
  // Room was freed: whoever has waited longest for it tries again. Not all: each attempt costs.
  void unblock_one() noexcept;
  void retry_some() noexcept;

  Loop& loop_;
  TimerQueue timers_{this};
  const Nanoseconds most_inline_time_;
  Purse memory_;
  Purse places_;
  FairQueue queue_{{.memory = memory_, .places = places_}};
  std::list<Remains> remains_;
  Nanoseconds inline_time_{0};  // guests' since the last turn
  std::deque<FunctionShare*> blocked_;
  RetryTimer retry_{*this};
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::uint64_t, Invocation*> tickets_;  // runs in a gate's queue
  capability::OutboundClient* const outbound_;
  capability::SystemRandom random_;
  std::optional<BlockingDesk> blocking_;
  IdleSandboxes idle_{timers_};
};

}  // namespace godwit::runtime
