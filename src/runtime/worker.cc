#include "runtime/worker.h"

namespace godwit::runtime {

Worker::Worker(Loop& loop, const WorkerOptions& options)
    : loop_(loop),
      most_inline_time_(options.inline_time),
      memory_(options.memory),
      places_(options.places),
      outbound_(options.outbound) {
  if (options.blocking != nullptr) blocking_.emplace(loop, *options.blocking);
}

bool Worker::run_ready() {
  Runnable* const next = queue_.pop();
  if (next == nullptr) return false;
  next->go_on();
  inline_time_ = Nanoseconds{0};
  return true;
}

void Worker::run_turn() {
  const TimePoint until = monotonic_now() + kTurnTime;
  while (run_ready() && queue_.next_time() < kLongSlice && monotonic_now() < until) {
  }
}

void Worker::charge(FunctionShare& share, Nanoseconds time) {
  inline_time_ += time;
  queue_.charge(share, time);
}

void Worker::block_starts(FunctionShare& share, bool for_memory) {
  share.blocked_for_memory = for_memory;
  if (share.starts_blocked) return;
  share.starts_blocked = true;
  queue_.update(share);
  blocked_.push_back(&share);
  if (!retry_.armed()) timers_.arm(retry_, monotonic_now() + kRetryDelay);
}

void Worker::unblock_one() noexcept {
  if (blocked_.empty()) return;
  FunctionShare& share = *blocked_.front();
  blocked_.pop_front();
  share.starts_blocked = false;
  share.tries_again = true;
  queue_.update(share);
}

void Worker::retry_some() noexcept {
  for (int i = 0; i < kRetriesAtOnce; ++i) unblock_one();
  if (!blocked_.empty()) timers_.arm(retry_, monotonic_now() + kRetryDelay);
}

void Worker::give_back(std::unique_ptr<engine::Instance> instance, FunctionShare& share,
                       std::uint32_t places) {
  Remains& remains = remains_.emplace_front(*this, share, std::move(instance), places);
  remains.place_ = remains_.begin();
  queue_.push(remains, share, Stage::kYoung, Place::kFront);
}

void Worker::given_back(const Remains& remains) {
  remains_.erase(remains.place_);
  unblock_one();
}

void Worker::take_grant(std::uint64_t ticket, GateGrant& grant) {
  FunctionGate& gate = grant.take();
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return gate.leave();
  Invocation* invocation = found->second;
  tickets_.erase(found);
  invocation->ticket_ = 0;
  invocation->has_place_ = true;
  invocation->run_admitted(monotonic_now());
}

}  // namespace godwit::runtime
