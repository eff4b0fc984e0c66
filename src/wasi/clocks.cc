// clock_res_get, clock_time_get.
//
// The CPU-time clocks, which C's clock() reads, show the time since the invocation started: the
// truth for a guest that never waits, an upper bound for others. The thread's own CPU clock would
// tell a guest about the work of other tenants.
#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {

Errno clock_res_get(const Call& call, ClockId id, Out<Timestamp> resolution) {
  if (id > ClockId::kThreadCpu) return Errno::kInval;
  return resolution.store(call, call.host.clock().resolution_ns());
}

Errno clock_time_get(const Call& call, ClockId id, Timestamp /*precision*/, Out<Timestamp> time) {
  const capability::Clock& clock = call.host.clock();
  switch (id) {
    case ClockId::kRealtime: return time.store(call, clock.realtime_ns());
    case ClockId::kMonotonic:
      return time.store(call, kMonotonicStartNs + call.host.elapsed_ns(clock.now()));
    case ClockId::kProcessCpu:
    case ClockId::kThreadCpu: return time.store(call, call.host.elapsed_ns(clock.now()));
  }
  return Errno::kInval;
}

}  // namespace godwit::wasi::functions
