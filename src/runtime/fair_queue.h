// FairQueue: which invocation a worker runs next. The thread's time is shared among functions, not
// among requests: the function that has had the least goes first, so a thousand endless loops of
// one function cost another one slice of waiting.
//
//   FunctionShare& share = queue.share_of(function.gate);
//   queue.push(invocation, share, Stage::kFresh);
//   while (Runnable* next = queue.pop()) next->go_on();   // … queue.charge(share, cpu)
//
// Among functions: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) with equal
// weights, and precedence for those that have had less than their part: as long as a function stays
// below it, a request waits for one slice of each other such function at most, in turn, and for
// none of those that take all they get. What idleness earns is bounded, for all functions together
// (kMostCredit): beyond that, one that was idle starts at the present. Within a function: what has
// begun is finished first (a server that starts everything finishes nothing in time), but after
// kYoungTime an invocation only gets every fourth turn while there are others.
//
// Worker-local: not thread-safe. Queueing allocates nothing but for a function's first time.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>

#include "base/clock.h"
#include "runtime/admission.h"
#include "runtime/memory_purse.h"

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
  FunctionShare(std::shared_ptr<FunctionGate> gate, MemoryPurse& purse)
      : memory(purse), gate_(std::move(gate)) {}

  FunctionMemory memory;    // of its instances on this worker
  std::uint32_t users = 0;  // who know this share
  // No fresh one can start now (memory, sandboxes): Worker says when to try again.
  bool starts_blocked = false;
  bool blocked_for_memory = false;  // when the last start failed, it was for memory

 private:
  friend class FairQueue;
  struct Less {
    bool operator()(const FunctionShare* a, const FunctionShare* b) const {
      if (a->is_behind_ != b->is_behind_) return a->is_behind_;
      if (!a->is_behind_ && a->time_ != b->time_) return a->time_ < b->time_;
      return a->turn_ < b->turn_;
    }
  };
  using ReadySet = std::set<FunctionShare*, Less>;

  bool has_work() const {
    return !young_.empty() || !old_.empty() || (!fresh_.empty() && !starts_blocked);
  }

  const std::shared_ptr<FunctionGate> gate_;  // the key of this share lives as long as it
  Nanoseconds time_{0};     // virtual: what it has had, or what all others had when it came
  bool is_behind_ = false;  // when it became ready it had had less than its part
  std::uint64_t turn_ = 0;  // grows with each turn of any, different for all: who waits longest
  Nanoseconds longest_{0};  // of what it was charged with of late
  RunnableList fresh_, young_, old_;
  std::uint32_t choices_ = 0;
  bool ready_ = false;        // in the ready set
  ReadySet::node_type node_;  // its node while it is not
};

class FairQueue final {
 public:
  static constexpr Nanoseconds kYoungTime = std::chrono::milliseconds(10);
  // How long those that have had less may keep all others waiting.
  static constexpr Nanoseconds kMostCredit = std::chrono::milliseconds(50);

  // Who pays for the memory of the functions' guests.
  explicit FairQueue(MemoryPurse& purse) : purse_(purse) {}
  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;

  // Stays valid while its `users` is not 0.
  FunctionShare& share_of(const std::shared_ptr<FunctionGate>& gate);

  bool empty() const { return ready_.empty(); }
  void push(Runnable& runnable, FunctionShare& share, Stage stage, Place place = Place::kBack);
  // Null when nothing is ready.
  Runnable* pop();
  // The fresh one that came last; null when there is none.
  Runnable* pop_newest(FunctionShare& share);
  void remove(Runnable& runnable);
  // `share` runs something without having been queued: its turn begins now.
  void run_at_once(FunctionShare& share);
  void charge(FunctionShare& share, Nanoseconds time);
  // How long the next one may be expected to run: as its function's longest of late.
  Nanoseconds next_time() const;
  // After starts_blocked was changed.
  void update(FunctionShare& share);

  std::size_t share_count() const { return shares_.size(); }

 private:
  RunnableList& list_of(FunctionShare& share, Stage stage);
  Runnable* choose(FunctionShare& share);
  void take_out(Runnable& runnable);
  Nanoseconds least_time() const;
  void enter_ready(FunctionShare& share);
  void leave_ready(FunctionShare& share);
  void forget_idle();

  MemoryPurse& purse_;
  std::unordered_map<const FunctionGate*, std::unique_ptr<FunctionShare>> shares_;
  FunctionShare::ReadySet ready_;
  Nanoseconds present_{0};  // virtual time: of whoever was served last
  std::uint64_t last_turn_ = 0;
  std::size_t forget_at_ = 64;
};

}  // namespace godwit::runtime
