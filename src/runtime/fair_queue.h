// FairQueue: which invocation a worker runs next. The thread's time is shared among functions, not
// among requests: the function that has had the least goes first, so a thousand endless loops of
// one function cost another one slice of waiting.
//
//   FunctionShare& share = queue.share_of(function.gate);
//   queue.push(invocation, share, Stage::kFresh);
//   while (Runnable* next = queue.pop()) next->go_on();   // … queue.charge(share, cpu)
//
// Among functions: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) with equal
// weights, and precedence for those that are behind, having had less than their part by more than
// kBehind: they take turns before all others. As long as a function stays below its part, a request
// waits for one slice of each other such function at most, and for none of those that take all
// they get. Who waits for them falls behind in turn: the present goes on at an equal part of what
// they are served. What idleness earns is bounded (kMostCredit). Within a function: what has begun
// is finished first (a server that starts everything finishes nothing in time), but after
// kYoungTime an invocation only gets every fourth turn while there are others.
//
// Worker-local: not thread-safe. Queueing allocates nothing but for a function's first time.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/clock.h"
#include "runtime/admission.h"
#include "runtime/purse.h"

namespace godwit::runtime {

class FunctionShare;

enum class Stage : std::uint8_t {
  kFresh,  // admitted, has no sandbox yet
  kYoung,  // has used less than kYoungTime
  kOld,
};
enum class Place : std::uint8_t { kBack, kFront };

class Runnable;
using RunnableList = std::list<Runnable*>;

// What is queued. In one queue at most, which it leaves when it dies.
class Runnable {
 public:
  Runnable() = default;
  Runnable(const Runnable&) = delete;
  Runnable& operator=(const Runnable&) = delete;
  bool queued() const { return list_ != nullptr; }
  // Its turn has come: it is in no queue now.
  virtual void go_on() = 0;

 protected:
  virtual ~Runnable() = default;

 private:
  friend class FairQueue;
  RunnableList link_{this};  // its link while it is in no list
  RunnableList* list_ = nullptr;
  RunnableList::iterator place_;
  FunctionShare* share_ = nullptr;
};

// One function's part of one worker.
class FunctionShare final {
 public:
  struct Purses {
    Purse& memory;
    Purse& places;
  };
  FunctionShare(std::shared_ptr<FunctionGate> gate, const Purses& purses)
      : memory(purses.memory), places(purses.places), gate_(std::move(gate)) {}

  FunctionAccount memory;  // of its instances on this worker
  FunctionAccount places;
  std::uint32_t users = 0;  // who know this share
  // No fresh one can start now (memory, sandboxes): Worker says when to try again.
  bool starts_blocked = false;
  bool blocked_for_memory = false;  // when the last start failed, it was for memory
  bool tries_again = false;         // its starts were blocked until now

  const FunctionGate* gate() const { return gate_.get(); }
  // Since when there has always been a fresh one in the queue; nothing when there is none.
  std::optional<TimePoint> standing_since() const {
    return fresh_.empty() ? std::nullopt : std::optional(standing_since_);
  }

 private:
  friend class FairQueue;
  struct ByTurn {
    bool operator()(const FunctionShare* a, const FunctionShare* b) const {
      return a->turn_ < b->turn_;
    }
  };
  struct ByTime {
    bool operator()(const FunctionShare* a, const FunctionShare* b) const {
      return a->time_ != b->time_ ? a->time_ < b->time_ : a->turn_ < b->turn_;
    }
  };
  using InTurn = std::set<FunctionShare*, ByTurn>;
  using InTime = std::set<FunctionShare*, ByTime>;

  bool has_work() const {
    return !young_.empty() || !old_.empty() || (!fresh_.empty() && !starts_blocked);
  }

  const std::shared_ptr<FunctionGate> gate_;  // the key of this share lives as long as it
  Nanoseconds time_{0};     // virtual: what it has had, or what all others had when it came
  bool is_behind_ = false;  // in which of the ready sets it is, or was last
  std::uint64_t turn_ = 0;  // grows with each turn of any, different for all: who waits longest
  Nanoseconds longest_{0};  // of what it was charged with of late
  RunnableList fresh_, young_, old_;
  TimePoint standing_since_;
  std::uint32_t choices_ = 0;
  bool ready_ = false;      // in a ready set
  InTurn::node_type node_;  // its node while it is in none
};

class FairQueue final {
 public:
  static constexpr Nanoseconds kYoungTime = std::chrono::milliseconds(10);
  // Some slices: those that take all they get are that far apart.
  static constexpr Nanoseconds kBehind = std::chrono::milliseconds(5);
  // What one may have saved while it was idle, divided by those who are ready when it comes.
  static constexpr Nanoseconds kMostCredit = std::chrono::milliseconds(100);

  // Where the functions' guests have their memory and their places from.
  explicit FairQueue(const FunctionShare::Purses& purses) : purses_(purses) {}
  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;

  // Stays valid while its `users` is not 0.
  FunctionShare& share_of(const std::shared_ptr<FunctionGate>& gate);

  bool empty() const { return ready_count() == 0; }
  // kFront: it was here a moment ago.
  void push(Runnable& runnable, FunctionShare& share, Stage stage, Place place = Place::kBack);
  // Null when nothing is ready.
  Runnable* pop();
  // The fresh one that came last; null when there is none.
  Runnable* pop_newest(FunctionShare& share);
  void remove(Runnable& runnable);
  // `share` runs something without having been queued: its turn begins now.
  void run_at_once(FunctionShare& share);
  void charge(FunctionShare& share, Nanoseconds time);
  // `share` held the thread for so long in one piece, for next_time().
  void note_slice(FunctionShare& share, Nanoseconds time);
  // How long the next one may be expected to run: as its function's longest of late.
  Nanoseconds next_time() const;
  // After starts_blocked was changed.
  void update(FunctionShare& share);

  std::size_t share_count() const { return shares_.size(); }

 private:
  RunnableList& list_of(FunctionShare& share, Stage stage);
  Runnable* choose(FunctionShare& share);
  void take_out(Runnable& runnable);
  std::size_t ready_count() const { return behind_.size() + others_.size(); }
  Nanoseconds equal_part(Nanoseconds whole) const;
  Nanoseconds least_time() const;
  bool is_behind(const FunctionShare& share) const { return share.time_ + kBehind < present_; }
  void go_to(Nanoseconds present);
  void enter_ready(FunctionShare& share);
  void leave_ready(FunctionShare& share);
  // REQUIRES: not empty.
  FunctionShare& first() const { return behind_.empty() ? **others_.begin() : **behind_.begin(); }
  void forget_idle();

  const FunctionShare::Purses purses_;
  std::unordered_map<const FunctionGate*, std::unique_ptr<FunctionShare>> shares_;
  FunctionShare::InTurn behind_;  // ready, and served first
  FunctionShare::InTime others_;  // ready
  Nanoseconds present_{0};        // virtual time: what a function with its equal part has had
  std::uint64_t last_turn_ = 0;
  std::size_t forget_at_ = 64;
};

}  // namespace godwit::runtime
