// Worker: the runtime's part of one thread: its timers, the invocations that are ready to go on,
// and what all of its guests share (random bytes). The event loop drives it (loop.h).
//
// Used by its own thread only; grants from other workers come through Loop::post.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/log.h"
#include "capability/random.h"
#include "runtime/blocking_pool.h"
#include "runtime/invocation.h"
#include "runtime/loop.h"
#include "runtime/timer_queue.h"

namespace godwit::runtime {

class Worker final : private TimerQueue::Listener {
 public:
  // Without a pool no function may be granted folders of the host.
  explicit Worker(Loop& loop, BlockingPool* pool = nullptr);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Resumes one invocation that is ready. False when none was.
  bool run_ready();
  bool has_ready() const { return !ready_.empty(); }
  void fire_timers(TimePoint now) { timers_.fire_due(now); }

  TimerQueue& timers() { return timers_; }
  Loop& loop() { return loop_; }
  capability::Random& random() { return random_; }
  BlockingDesk* blocking() { return blocking_ ? &*blocking_ : nullptr; }

 private:
  friend class Invocation;
  void earliest_changed(TimePoint deadline) noexcept override { loop_.wake_at(deadline); }
  void make_ready(Invocation& invocation);
  void forget_ready(Invocation& invocation);
  std::uint64_t next_ticket() { return ++last_ticket_; }
  void add_ticket(std::uint64_t ticket, Invocation& invocation) {
    tickets_.emplace(ticket, &invocation);
  }
  void drop_ticket(std::uint64_t ticket) { tickets_.erase(ticket); }
  // A place was granted to `ticket`; gives it back when that run is gone.
  void take_grant(std::uint64_t ticket, GateGrant& grant);

  Loop& loop_;
  TimerQueue timers_{this};
  std::deque<Invocation*> ready_;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::uint64_t, Invocation*> tickets_;  // runs in a gate's queue
  capability::SystemRandom random_;
  std::optional<BlockingDesk> blocking_;
};

}  // namespace godwit::runtime
