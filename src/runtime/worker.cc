#include "runtime/worker.h"

#include <algorithm>

namespace godwit::runtime {

Worker::Worker(Loop& loop, BlockingPool* pool) : loop_(loop) {
  if (pool != nullptr) blocking_.emplace(loop, *pool);
}

bool Worker::run_ready() {
  if (ready_.empty()) return false;
  Invocation* invocation = ready_.front();
  ready_.pop_front();
  invocation->ready_linked_ = false;
  invocation->run_slice();
  return true;
}

void Worker::make_ready(Invocation& invocation) {
  if (invocation.ready_linked_) return;
  invocation.ready_linked_ = true;
  ready_.push_back(&invocation);
  loop_.run_soon();
}

void Worker::forget_ready(Invocation& invocation) {
  if (!invocation.ready_linked_) return;
  invocation.ready_linked_ = false;
  ready_.erase(std::find(ready_.begin(), ready_.end(), &invocation));
}

void Worker::take_grant(std::uint64_t ticket, GateGrant& grant) {
  FunctionGate& gate = grant.take();
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return gate.leave();
  Invocation* invocation = found->second;
  tickets_.erase(found);
  invocation->ticket_ = 0;
  invocation->has_place_ = true;
  invocation->run_admitted();
}

}  // namespace godwit::runtime
