// MemoryBudget: one limit for all file systems in memory together, so that many small ones can't do
// what one large one may not.
//
//   auto budget = std::make_shared<MemoryBudget>(std::uint64_t{256} << 20);
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
  explicit MemoryBudget(std::uint64_t limit_bytes) : limit_(limit_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // All of `bytes` or nothing.
  [[nodiscard]] bool charge(std::uint64_t bytes) { return charge_up_to(bytes, bytes) == bytes; }

  // As many whole units as there is room for, at most `bytes`; returns the bytes charged.
  // REQUIRES: bytes is a multiple of unit.
  [[nodiscard]] std::uint64_t charge_up_to(std::uint64_t bytes, std::uint64_t unit) {
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

  void release(std::uint64_t bytes) {
    const std::uint64_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    CHECK(before >= bytes, before, bytes);
  }

  // Below what is used: nothing is taken away, and nothing more is granted.
  void set_limit(std::uint64_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  std::uint64_t limit_bytes() const { return limit_.load(std::memory_order_relaxed); }
  std::uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace godwit::capability
