#include "capability/clock.h"

#include <ctime>

namespace godwit::capability {

std::uint64_t SystemClock::realtime_ns() const {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  if (time.tv_sec < 0) return 0;  // a machine whose clock says a time before 1970
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace godwit::capability
