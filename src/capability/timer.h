// Timers: wake me at a moment. The runtime's timer queue stands behind it; tests use ManualTimers
// (capability/manual.h).
//
//   const TimerId timer = timers.arm(clock.now() + 50ms, &waker);
//   timers.cancel(timer);  // also fine when it has fired
//
// Worker-local: not thread-safe. One-shot; a waker must outlive its timer or cancel it. An
// invocation has at most one timer armed at a time.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/waker.h"

namespace godwit::capability {

enum class TimerId : std::uint64_t { kNone = 0 };

class Timers {
 public:
  // Wakes `waker` once, not before `deadline` (soon, when that has passed), never from within this
  // call. Never returns kNone.
  virtual TimerId arm(TimePoint deadline, Waker* waker) = 0;
  // Nothing happens when the timer has fired, was cancelled, or is kNone.
  virtual void cancel(TimerId timer) = 0;

 protected:
  ~Timers() = default;
};

}  // namespace godwit::capability
