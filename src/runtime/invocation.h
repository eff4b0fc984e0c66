// Invocation: one run of a function, from admission to its outcome: waits for its place, gets a
// fresh instance, runs in slices, waits for its host calls, is ended by its limits.
//
//   invocation.begin({.function = f, .standard_input = &in, …}, observer);   // may end at once
//   // observer.on_suspended(): the guest waits; send what it has written
//   // observer.on_ended(): outcome() or refusal() tells how
//
// Life: idle → [queued] → [fresh] → running ⇄ waiting → ended: queued for a place of its function,
// fresh for its function's turn on this thread and for memory; there is no sandbox before the first
// slice. Reusable: begin() again after it ended. Belongs to one worker and its thread. Destroying
// it, or abandon(), at any moment frees sandbox and place. Its limits: CPU time is charged by the
// monotonic clock for the first slice (0.03 µs to read) and by the thread's CPU clock after an
// epoch yield (0.7 µs, a system call); wall-clock time runs from begin() until release(), so that a
// slow reader of the response counts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/waker.h"
#include "engine/engine.h"
#include "runtime/admission.h"
#include "runtime/fair_queue.h"
#include "runtime/function.h"
#include "runtime/sandbox.h"
#include "runtime/timer_queue.h"

namespace godwit::runtime {

class Worker;

// Who hears of an invocation. Called on the worker's thread, never from inside a host call.
class InvocationObserver {
 public:
  // The guest waits in a host call: unsent output should go out.
  virtual void on_suspended() noexcept = 0;
  // It ended (or was refused): the sandbox is gone. May begin() the next run or destroy the
  // invocation: nothing touches it afterwards.
  virtual void on_ended() noexcept = 0;
  // The wall-clock limit passed after the end, before release().
  virtual void on_expired() noexcept = 0;

 protected:
  ~InvocationObserver() = default;
};

// Resources of one run, for the access record and `--stats`.
struct Usage {
  Nanoseconds cpu{0};              // of the guest and its host calls
  Nanoseconds setup{0};            // making the instance
  Nanoseconds cleanup{0};          // dropping it; much memory is given back later
  std::uint64_t memory_bytes = 0;  // linear memories and tables at the end
  std::uint32_t slices = 0;
};

class Invocation final : public Waker, public Runnable, private GateWaiter, private TimerNode {
 public:
  explicit Invocation(Worker& worker);
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;
  ~Invocation() override;

  // Admits and, when there is a place and nobody else has a turn before it, runs the first slice
  // before it returns. REQUIRES: idle or ended-and-released.
  void begin(InvocationInput input, InvocationObserver& observer);
  // Ends a run that is still going on with `kind` (kCancelled when the client is gone); on_ended()
  // is called. No effect when it has ended already. Never call it from inside a host call.
  void end_now(engine::OutcomeKind kind);
  // The response is complete: stops the wall clock. After this the invocation may be reused.
  void release();
  // From begin() to release(): the worker's thread did so much for this run outside of it. Counts
  // for the function's turns, not for the run's CPU limit.
  void charge(Nanoseconds time);

  bool active() const { return state_ != State::kIdle && state_ != State::kEnded; }
  // For its place, for its first turn, or in a host call.
  bool waiting() const {
    return state_ == State::kQueued || state_ == State::kFresh || state_ == State::kWaiting;
  }
  // After on_ended(): why it was never run (429, 503), or nothing.
  const std::optional<Error>& refusal() const { return refusal_; }
  // After on_ended() without refusal.
  const engine::Outcome& outcome() const { return outcome_; }
  // The server's memory budget refused it more (the function's own limit did not).
  bool met_memory_budget() const { return met_memory_budget_; }
  const Usage& usage() const { return usage_; }
  const Function& function() const { return *input_.function; }

  // From the streams and timers that the guest waits for; any moment, worker thread.
  void wake() noexcept override;

 private:
  friend class Worker;
  enum class State : std::uint8_t { kIdle, kQueued, kFresh, kReady, kRunning, kWaiting, kEnded };

  void granted() noexcept override;   // GateWaiter: any thread
  void on_timer() noexcept override;  // TimerNode: a queue's or the wall-clock limit
  void queue_up();
  void leave_queue();
  void run_admitted(TimePoint now);
  void go_on() override;  // Runnable: the first slice or the next one
  void start(TimePoint now);
  Nanoseconds patience(TimePoint now) const;
  void wait_for_turn(TimePoint now, Place place);
  Error no_turn() const;
  bool make_sandbox();
  bool make_instance();
  bool reuse_sandbox();
  void run_slice(TimePoint started);
  void enqueue(Place place);
  void finish(engine::Outcome outcome);
  void refuse(Error error);
  void drop_sandbox();
  bool keep_sandbox();
  Sandbox& sandbox() { return kept_ != nullptr ? *kept_ : sandbox_; }
  void leave_gate();
  void find_share();
  void leave_share();

  Worker& worker_;
  State state_ = State::kIdle;
  bool woken_ = false;         // wake() came while running
  bool has_place_ = false;     // counted by the gate
  bool on_cpu_clock_ = false;  // charged by the thread's CPU clock since the first epoch yield
  std::uint64_t ticket_ = 0;   // names this run in cross-thread grants; 0: none outstanding
  InvocationInput input_;
  InvocationObserver* observer_ = nullptr;
  FunctionShare* share_ = nullptr;  // its function's part of this worker, from the first begin() on
  bool met_memory_budget_ = false;
  bool has_waited_ = false;  // for its first turn
  TimePoint began_;
  TimePoint deadline_;
  TimePoint stopped_;       // the end of the last slice
  bool is_rested_ = false;  // its instance can serve another request
  Sandbox sandbox_;
  std::unique_ptr<Sandbox> kept_;  // instead, where instances are reused
  engine::Outcome outcome_;
  std::optional<Error> refusal_;
  Usage usage_;
};

}  // namespace godwit::runtime
