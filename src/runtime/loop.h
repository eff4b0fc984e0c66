// Loop: what the runtime needs of the event loop that drives a worker. The server implements it
// over its I/O loop, `godwit run` with a few lines, tests by hand; so the runtime names no I/O
// library.
#pragma once

#include <functional>

#include "base/clock.h"

namespace godwit::runtime {

class Loop {
 public:
  // Worker thread: the earliest deadline is now `deadline`, earlier than any said before; call
  // Worker::fire_timers() at that time. A later call may move it earlier still.
  virtual void wake_at(TimePoint deadline) noexcept = 0;
  // Any thread: run `task` on the worker's thread. Tasks posted after the loop has ended are
  // destroyed without running.
  virtual void post(std::function<void()> task) = 0;

 protected:
  ~Loop() = default;
};

}  // namespace godwit::runtime
