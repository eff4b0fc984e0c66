#include "runtime/admission.h"

#include "base/check.h"

namespace godwit::runtime {

bool FunctionGate::try_enter() {
  const std::uint32_t limit = running_limit_.load(std::memory_order_relaxed);
  // seq_cst, as in leave() and enter(): one of "the leaver sees the waiter" and "the waiter sees
  // the place" must hold, which needs a single order of both counters. Never above the limit, not
  // even for a moment: a leaver who looks then would not find the place for whom it wakes.
  std::uint32_t running = running_.load(std::memory_order_seq_cst);
  while (running < limit) {
    if (running_.compare_exchange_weak(running, running + 1, std::memory_order_seq_cst))
      return true;
  }
  return false;
}

Admission FunctionGate::enter(GateWaiter& waiter) {
  // Those who wait go first: a newcomer must not overtake the queue.
  if (waiting_.load(std::memory_order_seq_cst) == 0 && try_enter()) return Admission::kGranted;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= limits_.waiting) {
      return queue_.empty() && try_enter() ? Admission::kGranted : Admission::kRefused;
    }
    queue_.push_back(&waiter);
    waiter.place_ = std::prev(queue_.end());
    waiter.queued_ = true;
    waiting_.fetch_add(1, std::memory_order_seq_cst);
  }
  grant_waiters();
  return Admission::kQueued;
}

bool FunctionGate::give_up(GateWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (!waiter.queued_) return false;
  queue_.erase(waiter.place_);
  waiter.queued_ = false;
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

void FunctionGate::leave() {
  const std::uint32_t before = running_.fetch_sub(1, std::memory_order_seq_cst);
  CHECK(before > 0);
  if (waiting_.load(std::memory_order_seq_cst) > 0) grant_waiters();
}

void FunctionGate::grant_waiters() {
  const std::lock_guard lock(mutex_);
  while (!queue_.empty() && try_enter()) {
    GateWaiter* waiter = queue_.front();
    queue_.pop_front();
    waiter->queued_ = false;
    waiting_.fetch_sub(1, std::memory_order_seq_cst);
    waiter->granted();
  }
}

void FunctionGate::set_limits(Limits limits) {
  {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
    running_limit_.store(limits.running, std::memory_order_relaxed);
  }
  grant_waiters();
}

}  // namespace godwit::runtime
