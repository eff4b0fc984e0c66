// LatencyHistogram: counts of microseconds, to within 1 %, from nanoseconds to an hour, in 32 KiB
// of counters. As HdrHistogram does it: exact below 128, then 128 steps for each doubling.
//
//   LatencyHistogram latencies;
//   latencies.add(1234);
//   latencies.at(0.99);   // the smallest value that 99 % do not exceed, rounded up by at most 1 %
//
// A value. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace godwit::bench {

class LatencyHistogram final {
 public:
  void add(std::uint64_t microseconds) {
    const std::uint64_t value = std::min(microseconds, kMaxUs);
    ++counts_[index(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }

  // 0 when nothing was added.
  std::uint64_t at(double part) const {
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size() && count_ != 0; ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(highest(i), max_);
    }
    return 0;
  }

 private:
  static constexpr unsigned kStepBits = 7;
  static constexpr std::uint64_t kSteps = 1ULL << kStepBits;
  static constexpr std::uint64_t kMaxUs = 3'600'000'000ULL;

  // How many low bits a value loses.
  static unsigned shift(std::uint64_t value) {
    const auto bits = static_cast<unsigned>(std::bit_width(value));
    return bits > kStepBits + 1 ? bits - kStepBits - 1 : 0;
  }
  static std::size_t index(std::uint64_t value) {
    const unsigned lost = shift(value);
    return lost * kSteps + (value >> lost);
  }
  // The largest value that is counted at `index`.
  static std::uint64_t highest(std::size_t index) {
    if (index < 2 * kSteps) return index;
    const std::uint64_t lost = index / kSteps - 1;
    return ((index - lost * kSteps + 1) << lost) - 1;
  }

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(index(kMaxUs) + 1);
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace godwit::bench
