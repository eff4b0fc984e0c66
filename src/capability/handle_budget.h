// HandleBudget: how many descriptors all volumes together may hold open, so that a guest which
// opens without end gets an error and the server's own sockets still find a number.
//
//   auto handles = std::make_shared<HandleBudget>(HandleBudget::half_of_process_limit());
//   if (!handles->take()) return file_error(std::errc::too_many_files_open_in_system);
//   …
//   handles->give_back();
//
// Thread-safe, never blocks.
#pragma once

#include <atomic>
#include <cstddef>

#include <sys/resource.h>

#include "base/check.h"

namespace godwit::capability {

class HandleBudget final {
 public:
  explicit HandleBudget(std::size_t handles_max) : handles_max_(handles_max) {}
  HandleBudget(const HandleBudget&) = delete;
  HandleBudget& operator=(const HandleBudget&) = delete;

  // Half of the descriptors that the process may have (RLIMIT_NOFILE), at least 16.
  static std::size_t half_of_process_limit() {
    constexpr std::size_t kLeast = 16;
    constexpr std::size_t kMost = std::size_t{1} << 20;  // also when there is no limit
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kLeast;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / 2 > kMost) return kMost;
    return limit.rlim_cur / 2 < kLeast ? kLeast : static_cast<std::size_t>(limit.rlim_cur / 2);
  }

  bool take() {
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used >= handles_max_) return false;
    } while (!used_.compare_exchange_weak(used, used + 1, std::memory_order_relaxed));
    return true;
  }
  void give_back() {
    const std::size_t before = used_.fetch_sub(1, std::memory_order_relaxed);
    CHECK(before != 0);
  }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t handles_max() const { return handles_max_; }

 private:
  const std::size_t handles_max_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace godwit::capability
