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
#include <mutex>

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

}  // namespace godwit::runtime
