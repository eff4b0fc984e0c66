// FunctionGate: how many invocations of one function run at once, in the whole process, and who
// waits for a place. Decides before anything is allocated for the run.
//
//   switch (gate.enter(waiter)) {
//     case Admission::kGranted: run(); … gate.leave(); break;
//     case Admission::kQueued:  …      // waiter.granted() comes later, on any thread
//     case Admission::kRefused: …      // 429
//   }
//
// Thread-safe. The limit is exact: one atomic counter that all workers share (measured: a
// contended increment costs tens of nanoseconds here, far below the price of a fresh instance).
// The queue takes a lock, but only when a function is at its limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace godwit::runtime {

enum class Admission : std::uint8_t { kGranted, kQueued, kRefused };

// One invocation in a gate's queue. granted() is called at most once, on the thread of whoever
// left, holding the gate's lock: it only posts to the waiter's own worker.
class GateWaiter {
 public:
  virtual void granted() noexcept = 0;

 protected:
  virtual ~GateWaiter() = default;

 private:
  friend class FunctionGate;
  std::list<GateWaiter*>::iterator place_;
  bool queued_ = false;
};

class FunctionGate final {
 public:
  struct Limits {
    std::uint32_t running = 1000;
    std::uint32_t waiting = 1000;
  };
  explicit FunctionGate(Limits limits) : limits_(limits) {}
  FunctionGate(const FunctionGate&) = delete;
  FunctionGate& operator=(const FunctionGate&) = delete;

  // A reload may change the limits; what already runs goes on. Waiters that now fit are granted.
  void set_limits(Limits limits);

  // kGranted: leave() must follow. kQueued: `waiter` must stay until granted() or until
  // give_up() has returned true.
  Admission enter(GateWaiter& waiter);
  // Takes the waiter out of the queue. False: it was granted in the meantime (the grant is on its
  // way and must be answered with leave()).
  bool give_up(GateWaiter& waiter);
  void leave();
  // As leave(), but hands the place to nobody: safe while the gate's lock is held. The next
  // leave() or enter() looks for waiters.
  void give_back() { running_.fetch_sub(1, std::memory_order_seq_cst); }

  std::uint32_t running() const { return running_.load(std::memory_order_relaxed); }
  std::uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  bool try_enter();
  void grant_waiters();

  alignas(64) std::atomic<std::uint32_t> running_{0};
  alignas(64) std::atomic<std::uint32_t> waiting_{0};
  std::mutex mutex_;
  std::list<GateWaiter*> queue_;
  Limits limits_;                                              // guarded by mutex_ …
  std::atomic<std::uint32_t> running_limit_{limits_.running};  // … but this copy is read freely
};

// A place on its way to the worker that waits for it; gives it back when it never arrives (a loop
// that has ended drops what was posted to it).
class GateGrant final {
 public:
  explicit GateGrant(std::shared_ptr<FunctionGate> gate) : gate_(std::move(gate)) {}
  GateGrant(const GateGrant&) = delete;
  GateGrant& operator=(const GateGrant&) = delete;
  ~GateGrant() {
    if (!taken_) gate_->give_back();
  }
  // The place is the caller's now.
  FunctionGate& take() {
    taken_ = true;
    return *gate_;
  }

 private:
  const std::shared_ptr<FunctionGate> gate_;
  bool taken_ = false;
};

}  // namespace godwit::runtime
