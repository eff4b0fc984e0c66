// IdleTrim: when to give back to the system what a burst has left behind: sandboxes that are kept
// warm, free parts of the heap. Asked every kLookEvery by the main thread.
//
//   IdleTrim trim(engine);
//   trim.look(monotonic_now(), process_cpu_now());   // in a loop
//
// What is kept makes the next request quick, so little is left alone; much goes when the process
// has been quiet for kQuietTime, and after kBusyTime also when it has not: others may need it more.
// One thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "engine/engine.h"

namespace godwit::cli {

class IdleTrim final {
 public:
  static constexpr std::chrono::seconds kLookEvery{1};
  static constexpr std::chrono::seconds kQuietTime{5};
  static constexpr std::chrono::seconds kBusyTime{60};
  static constexpr std::uint64_t kWorthBytes = std::uint64_t{16} << 20;

  explicit IdleTrim(const engine::Engine& engine) : engine_(engine) {}

  // `cpu`: CPU time that the process has used so far. Returns the bytes that were given back.
  std::uint64_t look(TimePoint now, Nanoseconds cpu);

 private:
  const engine::Engine& engine_;
  TimePoint quiet_since_{};
  TimePoint last_trim_{};
  TimePoint last_look_{};
  Nanoseconds last_cpu_{0};
  bool heap_is_trimmed_ = true;  // since the process was last busy
};

}  // namespace godwit::cli
