#include "cli/idle_trim.h"

#include <malloc.h>

namespace godwit::cli {
namespace {

// Of one core; above it the process is not quiet.
constexpr std::int64_t kQuietPart = 20;

}  // namespace

std::uint64_t IdleTrim::look(TimePoint now, Nanoseconds cpu) {
  const bool first = last_look_ == TimePoint();
  const bool busy = first || (cpu - last_cpu_) * kQuietPart > now - last_look_;
  last_look_ = now;
  last_cpu_ = cpu;
  if (first) last_trim_ = now;
  if (busy) {
    quiet_since_ = now;
    heap_is_trimmed_ = false;
  }
  const bool quiet = now - quiet_since_ >= kQuietTime;
  if (!quiet && now - last_trim_ < kBusyTime) return 0;
  std::uint64_t bytes = 0;
  if (engine_.idle_bytes() >= kWorthBytes) {
    bytes = engine_.trim();
    last_trim_ = now;
  }
  if (bytes > 0 || (quiet && !heap_is_trimmed_)) {
    ::malloc_trim(0);
    heap_is_trimmed_ = true;
  }
  return bytes;
}

}  // namespace godwit::cli
