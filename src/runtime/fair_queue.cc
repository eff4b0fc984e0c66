#include "runtime/fair_queue.h"

#include <algorithm>

#include "base/check.h"

namespace godwit::runtime {
namespace {

// The old ones' part of a function's turns while it has others to run.
constexpr std::uint32_t kOldEvery = 4;

}  // namespace

FunctionShare& FairQueue::share_of(const std::shared_ptr<FunctionGate>& gate) {
  const auto found = shares_.find(gate.get());
  if (found != shares_.end()) return *found->second;
  if (shares_.size() >= forget_at_) forget_idle();
  auto share = std::make_unique<FunctionShare>(gate, purses_);
  FunctionShare::InTurn one{share.get()};
  share->node_ = one.extract(one.begin());
  return *shares_.emplace(gate.get(), std::move(share)).first->second;
}

// Whoever has had more than the others is remembered, so that nobody sheds a debt by coming back.
void FairQueue::forget_idle() {
  std::erase_if(shares_, [&](const auto& entry) {
    const FunctionShare& share = *entry.second;
    return share.users == 0 && !share.starts_blocked && share.time_ <= present_;
  });
  forget_at_ = std::max<std::size_t>(64, shares_.size() * 2);
}

RunnableList& FairQueue::list_of(FunctionShare& share, Stage stage) {
  switch (stage) {
    case Stage::kFresh: return share.fresh_;
    case Stage::kYoung: return share.young_;
    case Stage::kOld: return share.old_;
  }
  CHECK(false);
}

void FairQueue::push(Runnable& runnable, FunctionShare& share, Stage stage, Place place) {
  CHECK(!runnable.queued());
  RunnableList& list = list_of(share, stage);
  if (stage == Stage::kFresh && list.empty() && place == Place::kBack) {
    share.standing_since_ = monotonic_now();
  }
  runnable.place_ = runnable.link_.begin();
  runnable.list_ = &list;
  runnable.share_ = &share;
  list.splice(place == Place::kBack ? list.end() : list.begin(), runnable.link_);
  update(share);
}

void FairQueue::take_out(Runnable& runnable) {
  runnable.link_.splice(runnable.link_.begin(), *runnable.list_, runnable.place_);
  runnable.list_ = nullptr;
}

void FairQueue::remove(Runnable& runnable) {
  if (!runnable.queued()) return;
  take_out(runnable);
  update(*runnable.share_);
}

Runnable* FairQueue::choose(FunctionShare& share) {
  const bool fresh = !share.fresh_.empty() && !share.starts_blocked;
  const bool others = fresh || !share.young_.empty();
  if (!share.old_.empty() && (!others || ++share.choices_ % kOldEvery == 0)) {
    return share.old_.front();
  }
  return share.young_.empty() ? share.fresh_.front() : share.young_.front();
}

Runnable* FairQueue::pop() {
  if (empty()) return nullptr;
  FunctionShare& share = first();
  if (!share.is_behind_) go_to(share.time_);
  Runnable* const runnable = choose(share);
  take_out(*runnable);
  leave_ready(share);
  share.turn_ = ++last_turn_;
  if (share.has_work()) enter_ready(share);
  return runnable;
}

Runnable* FairQueue::pop_newest(FunctionShare& share) {
  if (share.fresh_.empty()) return nullptr;
  Runnable* const runnable = share.fresh_.back();
  take_out(*runnable);
  update(share);
  return runnable;
}

void FairQueue::run_at_once(FunctionShare& share) {
  CHECK(empty());
  share.time_ = std::max(share.time_, least_time());
  share.is_behind_ = is_behind(share);
  if (!share.is_behind_) go_to(share.time_);
}

void FairQueue::charge(FunctionShare& share, Nanoseconds time) {
  const bool ready = share.ready_;
  if (ready) leave_ready(share);  // the sets' order depends on it
  share.time_ += time;
  if (share.is_behind_) go_to(present_ + equal_part(time));
  if (ready) enter_ready(share);
}

void FairQueue::note_slice(FunctionShare& share, Nanoseconds time) {
  share.longest_ = std::max(time, share.longest_ / 2);
}

Nanoseconds FairQueue::next_time() const { return empty() ? Nanoseconds{0} : first().longest_; }

void FairQueue::update(FunctionShare& share) {
  if (share.has_work() == share.ready_) return;
  if (share.ready_) return leave_ready(share);
  share.turn_ = ++last_turn_;
  share.time_ = std::max(share.time_, least_time());
  enter_ready(share);
}

// For one besides those that are ready. (A division costs as much as all the rest.)
Nanoseconds FairQueue::equal_part(Nanoseconds whole) const {
  const auto others = static_cast<std::int64_t>(ready_count());
  return others == 0 ? whole : whole / (1 + others);
}

// Of one that becomes ready.
Nanoseconds FairQueue::least_time() const { return present_ - equal_part(kMostCredit); }

// Those that are behind now have waited longest.
void FairQueue::go_to(Nanoseconds present) {
  present_ = std::max(present_, present);
  while (!others_.empty() && is_behind(**others_.begin())) {
    FunctionShare& share = **others_.begin();
    leave_ready(share);
    enter_ready(share);
  }
}

void FairQueue::enter_ready(FunctionShare& share) {
  share.is_behind_ = is_behind(share);
  if (share.is_behind_) {
    behind_.insert(std::move(share.node_));
  } else {
    others_.insert(std::move(share.node_));
  }
  share.ready_ = true;
}

void FairQueue::leave_ready(FunctionShare& share) {
  share.node_ = share.is_behind_ ? behind_.extract(&share) : others_.extract(&share);
  CHECK(!share.node_.empty());
  share.ready_ = false;
}

}  // namespace godwit::runtime
