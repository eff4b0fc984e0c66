// TimerQueue: the deadlines of one worker. An intrusive heap: arming and cancelling allocate
// nothing (beyond the heap's own array) and cost O(log n); a later deadline than all others, the
// common case, costs O(1).
//
//   struct Connection { TimerNode idle{*this}; … };           // fires Connection::on_timer
//   timers.arm(node, monotonic_now() + 60s);                   // re-arming moves it
//   timers.fire_due(monotonic_now());
//
// Worker-local: not thread-safe. A node must not move while armed and disarms itself when it dies.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace godwit::runtime {

class TimerQueue;

// What fires. Derive from it, or hold one and derive the owner.
class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  bool armed() const { return queue_ != nullptr; }
  TimePoint deadline() const { return deadline_; }
  void disarm();

 protected:
  virtual ~TimerNode() { disarm(); }

 private:
  friend class TimerQueue;
  // Called with the node disarmed; it may arm itself again and may destroy itself.
  virtual void on_timer() noexcept = 0;

  TimePoint deadline_;
  TimerQueue* queue_ = nullptr;
  std::size_t index_ = 0;
};

class TimerQueue final {
 public:
  class Listener {
   public:
    // The earliest deadline has become `deadline`, earlier than it was.
    virtual void earliest_changed(TimePoint deadline) noexcept = 0;

   protected:
    ~Listener() = default;
  };

  explicit TimerQueue(Listener* listener = nullptr) : listener_(listener) {}
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  void arm(TimerNode& node, TimePoint deadline);
  void cancel(TimerNode& node);
  // Fires what was due at `now`, earliest first; at most the nodes armed when called, so that a
  // node which re-arms itself in the past cannot hold the worker.
  void fire_due(TimePoint now);
  std::optional<TimePoint> next_deadline() const;
  std::size_t size() const { return heap_.size(); }

 private:
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void place(std::size_t index, TimerNode* node);

  Listener* const listener_;
  std::vector<TimerNode*> heap_;  // smallest deadline first; node->index_ is its place
};

}  // namespace godwit::runtime
