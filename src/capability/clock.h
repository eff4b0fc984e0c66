// Clock: where an invocation's times come from. A guest never sees `now()` itself: the host
// functions show it the time since its own start, so that it learns nothing of the host's uptime.
//
//   SystemClock clock;                                  // one per worker
//   clock.realtime_ns();                                // since 1970-01-01T00:00:00Z
//   timers.arm(clock.now() + 50ms, &waker);
//
// Thread-safe as far as it is const; no call fails. About 0.03 µs a call (vDSO).
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace godwit::capability {

class Clock {
 public:
  // Nanoseconds since 1970-01-01T00:00:00Z; can jump when the machine's clock is set.
  virtual std::uint64_t realtime_ns() const = 0;
  // Now, on the time line that Timers take deadlines of; never goes back.
  virtual TimePoint now() const = 0;
  // Of both, in nanoseconds; not 0.
  virtual std::uint64_t resolution_ns() const { return 1; }

 protected:
  ~Clock() = default;
};

class SystemClock final : public Clock {
 public:
  std::uint64_t realtime_ns() const override;
  TimePoint now() const override { return monotonic_now(); }
};

}  // namespace godwit::capability
