// MemoryBudget: one limit for what many take together: all guests' memory (`--memory`), and within
// it all file systems in memory, so that many small ones can't do what one large one may not.
//
//   MemoryBudget all(std::uint64_t{1} << 30);
//   auto budget = std::make_shared<MemoryBudget>(std::uint64_t{256} << 20, &all);
//   if (!budget->charge(4096)) return file_error(std::errc::no_space_on_device);
//   …
//   budget->release(4096);
//
// Thread-safe, without locks. What is charged must be released by whoever charged it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace godwit::capability {

class MemoryBudget final {
 public:
  // What is charged here is charged to `whole` as well, which must outlive this.
  explicit MemoryBudget(std::uint64_t limit_bytes, MemoryBudget* whole = nullptr)
      : limit_(limit_bytes), whole_(whole) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // All of `bytes` or nothing.
  [[nodiscard]] bool charge(std::uint64_t bytes) { return charge_up_to(bytes, bytes) == bytes; }

  // As many whole units as there is room for, at most `bytes`; returns the bytes charged.
  // REQUIRES: bytes is a multiple of unit.
  [[nodiscard]] std::uint64_t charge_up_to(std::uint64_t bytes, std::uint64_t unit) {
    const std::uint64_t own = take_up_to(bytes, unit);
    if (whole_ == nullptr || own == 0) return own;
    const std::uint64_t granted = whole_->charge_up_to(own, unit);
    give_back(own - granted);
    return granted;
  }

  void release(std::uint64_t bytes) {
    give_back(bytes);
    if (whole_ != nullptr) whole_->release(bytes);
  }

  // Below what is used: nothing is taken away, and nothing more is granted.
  void set_limit(std::uint64_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  std::uint64_t limit_bytes() const { return limit_.load(std::memory_order_relaxed); }
  std::uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t free_bytes() const {
    const std::uint64_t used = used_bytes();
    const std::uint64_t limit = limit_bytes();
    return used < limit ? limit - used : 0;
  }

 private:
  std::uint64_t take_up_to(std::uint64_t bytes, std::uint64_t unit) {
    if (bytes == 0) return 0;
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    while (true) {
      const std::uint64_t limit = limit_.load(std::memory_order_relaxed);
      const std::uint64_t room = used < limit ? limit - used : 0;
      const std::uint64_t granted = std::min(bytes, room / unit * unit);
      if (granted == 0) return 0;
      if (used_.compare_exchange_weak(used, used + granted, std::memory_order_relaxed)) {
        return granted;
      }
    }
  }
  void give_back(std::uint64_t bytes) {
    const std::uint64_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    CHECK(before >= bytes, before, bytes);
  }

  std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> used_{0};
  MemoryBudget* const whole_;
};

}  // namespace godwit::capability
