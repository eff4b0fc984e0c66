#include "runtime/purse.h"

#include <algorithm>

namespace godwit::runtime {
namespace {

// Purses hold no more than a thirty-second of the budget together (two steps each).
constexpr std::uint64_t kStepShare = 64;
constexpr std::uint64_t kStepMax = std::uint64_t{4} << 20;

std::uint64_t step_of(const Purse::Options& options) {
  if (options.budget == nullptr) return 0;
  const unsigned workers = std::max(1U, options.workers);
  return std::min(kStepMax, options.budget->limit_bytes() / kStepShare / workers);
}

}  // namespace

Purse::Purse(const Options& options)
    : budget_(options.budget), step_bytes_(step_of(options)), times_free_(options.times_free) {}

Purse::~Purse() {
  if (budget_ != nullptr) budget_->release(bytes_);
}

bool Purse::take(std::uint64_t bytes, std::uint64_t function_bytes) {
  if (budget_ == nullptr) return true;
  const std::uint64_t free = budget_->free_bytes() + bytes_;
  if (bytes > free || function_bytes + bytes > times_free_ * (free - bytes)) return false;
  if (bytes_ < bytes) {
    const std::uint64_t missing = bytes - bytes_;
    const std::uint64_t step = std::max(missing, step_bytes_);
    if (budget_->charge(step)) {
      bytes_ += step;
    } else if (budget_->charge(missing)) {
      bytes_ += missing;
    } else {
      return false;
    }
  }
  bytes_ -= bytes;
  return true;
}

void Purse::put(std::uint64_t bytes) {
  if (budget_ == nullptr) return;
  bytes_ += bytes;
  if (bytes_ <= 2 * step_bytes_) return;
  budget_->release(bytes_ - step_bytes_);
  bytes_ = step_bytes_;
}

bool FunctionAccount::charge(std::uint64_t bytes) noexcept {
  if (!purse_.take(bytes, bytes_)) {
    refused_ = true;
    return false;
  }
  bytes_ += bytes;
  return true;
}

void FunctionAccount::release(std::uint64_t bytes) noexcept {
  bytes_ -= bytes;
  purse_.put(bytes);
}

}  // namespace godwit::runtime
