// Pulse: does a worker's loop still turn? It is asked for a sign of life through its mailbox; how
// long it has owed one tells whether something holds the thread.
//
//   Pulse pulse(loop);
//   pulse.ask(monotonic_now());                         // now and then
//   if (pulse.silence(monotonic_now()) > 10s) alarm();
//
// ask() from one thread at a time, silence() from any. One question at most is under way, so a
// loop that hangs is sent nothing more. The loop must outlive it.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>

#include "base/clock.h"
#include "runtime/loop.h"

namespace godwit::server {

class Pulse final {
 public:
  explicit Pulse(runtime::Loop& loop) : loop_(loop) {}

  void ask(TimePoint now) {
    if (asked_ns_->load(std::memory_order_relaxed) != kAnswered) return;
    asked_ns_->store(now.time_since_epoch().count(), std::memory_order_relaxed);
    loop_.post([asked = asked_ns_] { asked->store(kAnswered, std::memory_order_relaxed); });
  }
  // 0: it has answered.
  Nanoseconds silence(TimePoint now) const {
    const Nanoseconds::rep asked_ns = asked_ns_->load(std::memory_order_relaxed);
    if (asked_ns == kAnswered) return Nanoseconds{0};
    return std::max(now.time_since_epoch() - Nanoseconds(asked_ns), Nanoseconds{0});
  }

 private:
  static constexpr Nanoseconds::rep kAnswered = -1;

  runtime::Loop& loop_;
  // Shared with the question, which may be answered after this has gone.
  const std::shared_ptr<std::atomic<Nanoseconds::rep>> asked_ns_ =
      std::make_shared<std::atomic<Nanoseconds::rep>>(kAnswered);
};

}  // namespace godwit::server
