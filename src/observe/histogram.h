// Counter and HistogramShard: numbers that one thread writes and any thread may read. Writing is a
// load and a store without a lock prefix: the writer is alone, and a reader sees an old or a new
// value, never a torn one.
//
//   static constexpr BucketBounds kBounds = {50us, 1ms, 1s};        // inclusive upper bounds
//   HistogramShard<kBounds> shard;                                  // one per worker
//   shard.observe(monotonic_now() - started);                       // its worker
//   HistogramTotals totals = totals_of(kBounds); shard.add_to(totals);   // whoever scrapes
//
// One writer per object; readers are free.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"

namespace godwit::observe {

class Counter final {
 public:
  void add(std::uint64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Ascending; an observation belongs to the first bound that is not smaller.
template <std::size_t kCount>
using BucketBounds = std::array<Nanoseconds, kCount>;

// What all shards have together.
struct HistogramTotals {
  std::span<const Nanoseconds> bounds;
  std::vector<std::uint64_t> counts;  // of each bucket alone; the last is what is above all bounds
  std::uint64_t sum_ns = 0;
};

inline HistogramTotals totals_of(std::span<const Nanoseconds> bounds) {
  return {.bounds = bounds, .counts = std::vector<std::uint64_t>(bounds.size() + 1), .sum_ns = 0};
}

template <const auto& kBounds>
class HistogramShard final {
 public:
  void observe(Nanoseconds time) noexcept {
    const auto place = std::lower_bound(kBounds.begin(), kBounds.end(), time) - kBounds.begin();
    counts_[static_cast<std::size_t>(place)].add(1);
    sum_ns_.add(static_cast<std::uint64_t>(std::max(time, Nanoseconds{0}).count()));
  }
  // REQUIRES: totals_of(kBounds).
  void add_to(HistogramTotals& totals) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) totals.counts[i] += counts_[i].read();
    totals.sum_ns += sum_ns_.read();
  }

 private:
  std::array<Counter, kBounds.size() + 1> counts_;
  Counter sum_ns_;
};

}  // namespace godwit::observe
