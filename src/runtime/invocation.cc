#include "runtime/invocation.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/worker.h"

namespace godwit::runtime {
namespace {

// Less than that would be no waiting at all: a slice is 1 ms.
constexpr std::chrono::milliseconds kLeastPatience{100};
constexpr int kMostDroppedAtOnce = 4;

}  // namespace

// --- Admission ----------------------------------------------------------------------------------

Invocation::Invocation(Worker& worker) : worker_(worker), sandbox_(worker) {}

Invocation::~Invocation() {
  leave_queue();
  drop_sandbox();
  leave_gate();
  leave_share();
}

void Invocation::begin(InvocationInput input, InvocationObserver& observer) {
  CHECK(!active(), static_cast<int>(state_));
  input_ = std::move(input);
  observer_ = &observer;
  refusal_.reset();
  outcome_ = {};
  usage_ = {};
  woken_ = false;
  on_cpu_clock_ = false;
  met_memory_budget_ = false;
  has_waited_ = false;
  is_rested_ = false;
  const manifest::Limits& limits = input_.function->spec.limits;
  began_ = monotonic_now();
  deadline_ = began_ + limits.timeout;
  find_share();
  // Before enter(): a grant may be on its way before enter() returns, and it names this run.
  ticket_ = worker_.next_ticket();
  switch (input_.function->gate->enter(*this)) {
    case Admission::kGranted:
      ticket_ = 0;
      has_place_ = true;
      return run_admitted(began_);
    case Admission::kQueued: return queue_up();
    case Admission::kRefused:
      ticket_ = 0;
      state_ = State::kQueued;
      return refuse(Error{ErrorCode::kFunctionBusy, {}, {}});
  }
}

void Invocation::queue_up() {
  state_ = State::kQueued;
  worker_.add_ticket(ticket_, *this);
  const TimePoint until = began_ + input_.function->spec.limits.queue_timeout;
  worker_.timers().arm(*this, std::min(until, deadline_));
}

// Called with the gate's lock held, from whichever thread gave its place up.
void Invocation::granted() noexcept {
  auto grant = std::make_shared<GateGrant>(input_.function->gate);
  worker_.loop().post([worker = &worker_, ticket = ticket_, grant = std::move(grant)] {
    worker->take_grant(ticket, *grant);
  });
}

// Whatever it waits in.
void Invocation::leave_queue() {
  worker_.queue().remove(*this);
  if (ticket_ == 0) return;
  // When it was granted meanwhile, the message finds no ticket and gives the place back. After
  // give_up() no other thread looks at this object any more.
  (void)input_.function->gate->give_up(*this);
  worker_.drop_ticket(ticket_);
  ticket_ = 0;
}

void Invocation::run_admitted(TimePoint now) {
  state_ = State::kFresh;
  if (worker_.may_run_at_once() && !share_->starts_blocked) {
    worker_.queue().run_at_once(*share_);
    return start(now);
  }
  wait_for_turn(now, Place::kBack);
}

Error Invocation::no_turn() const {
  return Error{
      share_->blocked_for_memory ? ErrorCode::kMemoryBudget : ErrorCode::kServerOverloaded, {}, {}};
}

void Invocation::go_on() {
  const TimePoint now = monotonic_now();
  if (state_ != State::kFresh) return run_slice(now);
  // When those in front are nearly too late there are more than can be served. In turn, each would
  // be served when its client has nearly given up; the newest first, those served are in time, and
  // no more are refused (adaptive LIFO: Maurer, "Fail at Scale", ACM Queue 13(8), 2015).
  if (now - began_ > patience(now) * 3 / 4) {
    if (auto* const newest = static_cast<Invocation*>(worker_.queue().pop_newest(*share_))) {
      worker_.queue().push(*this, *share_, Stage::kFresh, Place::kFront);
      return newest->start(now);
    }
  }
  start(now);
}

// How long it may wait for its first turn: no time at all would refuse what came while another
// guest had its slice. A queue that has stood for all of that time is no burst: more comes than can
// be served, and whoever will be refused is refused early (as CoDel does: Nichols and Jacobson,
// "Controlling Queue Delay", ACM Queue 10(5), 2012).
Nanoseconds Invocation::patience(TimePoint now) const {
  const Nanoseconds most =
      std::max<Nanoseconds>(input_.function->spec.limits.queue_timeout, kLeastPatience);
  const std::optional<TimePoint> since = share_->standing_since();
  return since && now - *since > most ? kLeastPatience : most;
}

void Invocation::wait_for_turn(TimePoint now, Place place) {
  has_waited_ = true;
  worker_.timers().arm(*this, std::min(began_ + patience(now), deadline_));
  worker_.queue().push(*this, *share_, Stage::kFresh, place);
}

void Invocation::start(TimePoint now) {
  worker_.timers().arm(*this, deadline_);
  if (make_sandbox()) {
    const TimePoint made = monotonic_now();
    usage_.setup = made - now;
    share_->blocked_for_memory = false;
    // Where there was room for one there may be room for the next.
    if (std::exchange(share_->tries_again, false)) worker_.unblock_one();
    state_ = State::kReady;
    return run_slice(made);
  }
  worker_.charge(*share_, monotonic_now() - now);
  if (refusal_->code != ErrorCode::kServerOverloaded) return refuse(std::move(*refusal_));
  // No room: it waits at the head of its function's queue.
  refusal_.reset();
  const bool for_memory = std::exchange(met_memory_budget_, false);
  worker_.block_starts(*share_, for_memory);
  wait_for_turn(now, has_waited_ ? Place::kFront : Place::kBack);
}

// --- The run ------------------------------------------------------------------------------------

// What idles gives way to what would run.
bool Invocation::make_sandbox() {
  if (reuse_sandbox()) return true;
  for (int dropped = 0; !make_instance(); ++dropped) {
    const bool is_for_room = refusal_->code == ErrorCode::kServerOverloaded;
    // Each may take milliseconds to go; it is tried again soon.
    if (!is_for_room || dropped == kMostDroppedAtOnce || !worker_.idle_.drop_oldest()) return false;
    refusal_.reset();
    met_memory_budget_ = false;
  }
  return true;
}

bool Invocation::reuse_sandbox() {
  if (!input_.function->spec.instances.reused()) return false;
  kept_ = worker_.idle_.take(*input_.function);
  if (kept_ == nullptr) return false;
  kept_->bind(input_, *this);
  return true;
}

bool Invocation::make_instance() {
  const std::uint32_t places = input_.function->module->places();
  if (!share_->places.charge(places)) {
    refusal_.emplace(Error{ErrorCode::kServerOverloaded, {}, {}});
    return false;
  }
  if (input_.function->spec.instances.reused()) kept_ = std::make_unique<Sandbox>(worker_);
  const auto made =
      sandbox().make(input_, *this, worker_.counts_memory() ? &share_->memory : nullptr);
  met_memory_budget_ = share_->memory.take_refusal();
  if (made) return true;
  refusal_ = made.error();
  share_->places.release(places);
  kept_.reset();
  return false;
}

void Invocation::run_slice(TimePoint started) {
  CHECK(state_ == State::kReady || state_ == State::kWaiting, static_cast<int>(state_));
  state_ = State::kRunning;
  woken_ = false;
  const Nanoseconds cpu_started = on_cpu_clock_ ? thread_cpu_now() : Nanoseconds{0};
  const Nanoseconds cpu_before = usage_.cpu;
  const engine::Progress progress = sandbox().instance().resume();
  stopped_ = monotonic_now();
  if (share_->memory.take_refusal()) met_memory_budget_ = true;
  ++usage_.slices;
  usage_.cpu += on_cpu_clock_ ? thread_cpu_now() - cpu_started : stopped_ - started;
  // A long run: from now on the exact clock, which does not count time taken by other threads.
  if (progress == engine::Progress::kYielded) on_cpu_clock_ = true;
  usage_.cpu += sandbox().take_blocking_cpu();
  const Nanoseconds setup = usage_.slices == 1 ? usage_.setup : Nanoseconds{0};
  worker_.charge(*share_, setup + usage_.cpu - cpu_before);
  worker_.queue().note_slice(*share_, setup + stopped_ - started);
  if (progress == engine::Progress::kDone || progress == engine::Progress::kRested) {
    usage_.memory_bytes = sandbox().instance().memory_bytes();
    is_rested_ = progress == engine::Progress::kRested;
    if (is_rested_) return finish({.kind = engine::OutcomeKind::kFinished});
    return finish(sandbox().instance().take_outcome());
  }
  if (usage_.cpu >= input_.function->spec.limits.cpu) {
    return finish({.kind = engine::OutcomeKind::kCpuLimit});
  }
  if (progress == engine::Progress::kYielded) {
    // A guest that never waits keeps the loop's timers late: look at the clock here too.
    if (stopped_ >= deadline_) return finish({.kind = engine::OutcomeKind::kDeadline});
    state_ = State::kReady;
    return enqueue(Place::kFront);
  }
  state_ = State::kWaiting;
  if (woken_) enqueue(Place::kBack);
  observer_->on_suspended();  // may end or even destroy this: nothing after it
}

// A young one goes on where it was, an old one waits for the others of its kind.
void Invocation::enqueue(Place place) {
  if (queued()) return;
  const bool young = usage_.cpu < FairQueue::kYoungTime;
  worker_.queue().push(*this, *share_, young ? Stage::kYoung : Stage::kOld,
                       young ? place : Place::kBack);
}

void Invocation::wake() noexcept {
  switch (state_) {
    case State::kRunning: woken_ = true; break;
    case State::kWaiting: enqueue(Place::kBack); break;
    default: break;  // ready already, or not begun, or over
  }
}

void Invocation::on_timer() noexcept {
  if (state_ == State::kEnded) return observer_->on_expired();
  if (monotonic_now() < deadline_) {
    if (state_ == State::kQueued) return refuse(Error{ErrorCode::kFunctionBusy, {}, {}});
    if (state_ == State::kFresh) return refuse(no_turn());
  }
  finish({.kind = engine::OutcomeKind::kDeadline});
}

void Invocation::end_now(engine::OutcomeKind kind) {
  CHECK(state_ != State::kRunning);
  if (active()) finish({.kind = kind});
}

// --- The end ------------------------------------------------------------------------------------

void Invocation::finish(engine::Outcome outcome) {
  outcome_ = std::move(outcome);
  leave_queue();
  drop_sandbox();
  leave_gate();
  state_ = State::kEnded;
  // The wall clock goes on until release(), unless it is what ended the run.
  if (outcome_.kind == engine::OutcomeKind::kDeadline) disarm();
  observer_->on_ended();  // may begin() again or destroy this: nothing after it
}

void Invocation::refuse(Error error) {
  refusal_ = std::move(error);
  worker_.timers().arm(*this, deadline_);  // the answer, too, is to be taken in time
  finish({.kind = engine::OutcomeKind::kCancelled});
}

void Invocation::drop_sandbox() {
  if (!sandbox().has_instance()) return;
  if (keep_sandbox()) return;
  const TimePoint started = state_ == State::kRunning ? stopped_ : monotonic_now();
  if (usage_.memory_bytes == 0) usage_.memory_bytes = sandbox().instance().memory_bytes();
  const std::uint32_t places = input_.function->module->places();
  if (usage_.memory_bytes > engine::kSmallMemoryBytes && !sandbox().is_component()) {
    worker_.give_back(sandbox().take_instance(), *share_, places);
    sandbox().drop();
  } else {
    sandbox().drop();
    share_->places.release(places);
  }
  kept_.reset();
  usage_.cleanup = monotonic_now() - started;
  worker_.charge(*share_, usage_.cleanup);
  worker_.unblock_one();
}

// For the function's next request.
bool Invocation::keep_sandbox() {
  if (!is_rested_ || kept_ == nullptr) return false;
  if (kept_->requests() >= input_.function->spec.instances.max_requests) return false;
  if (!kept_->rest()) return false;
  worker_.idle_.keep(std::move(kept_), input_.function, *share_);
  return true;
}

void Invocation::charge(Nanoseconds time) {
  if (state_ != State::kIdle) worker_.queue().charge(*share_, time);
}

// Mostly that of the run before.
void Invocation::find_share() {
  const std::shared_ptr<FunctionGate>& gate = input_.function->gate;
  if (share_ != nullptr && share_->gate() == gate.get()) return;
  leave_share();
  share_ = &worker_.queue().share_of(gate);
  ++share_->users;
}

void Invocation::leave_share() {
  if (share_ != nullptr) --std::exchange(share_, nullptr)->users;
}

void Invocation::leave_gate() {
  if (!has_place_) return;
  has_place_ = false;
  input_.function->gate->leave();
}

void Invocation::release() {
  CHECK(!active(), static_cast<int>(state_));
  disarm();
  state_ = State::kIdle;
  input_ = {};
}

}  // namespace godwit::runtime
