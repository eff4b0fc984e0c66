// Purse: a worker's part of what all guests may have together: memory (`--memory`: linear memories,
// tables, heaps, in bytes), or places for sandboxes (where "bytes" are places). It takes from the
// process's budget in steps, so that a request writes no line that other workers read.
//
//   Purse purse({.budget = &budget, .workers = 2});
//   FunctionAccount account(purse);
//   if (!account.charge(bytes)) …                     // -1 to the guest, or 503
//   account.release(bytes);
//
// Who may have how much: a function may have no more on a worker than what is then still free for
// all, or some times that (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on
// Networking 6(2), 1998). One greedy function on one worker gets half of the budget, several leave
// a smaller part free, but never nothing: a modest neighbour finds room, without quotas to be set.
//
// Worker-local: not thread-safe; the budget is.
#pragma once

#include <cstdint>
#include <utility>

#include "capability/memory_budget.h"
#include "engine/engine.h"

namespace godwit::runtime {

class Purse final {
 public:
  struct Options {
    capability::MemoryBudget* budget = nullptr;  // null: everything is granted
    unsigned workers = 1;                        // that share it
    // So many times what is still free may a function have on a worker: the more, the less is kept
    // for those who come.
    unsigned times_free = 1;
  };
  explicit Purse(const Options& options);
  Purse(const Purse&) = delete;
  Purse& operator=(const Purse&) = delete;
  ~Purse();

  // `bytes` more for a function that has `function_bytes` on this worker.
  bool take(std::uint64_t bytes, std::uint64_t function_bytes);
  // Is there a budget?
  bool counts() const { return budget_ != nullptr; }
  void put(std::uint64_t bytes);
  // Taken from the budget at a time; it holds at most twice that for nobody.
  std::uint64_t step_bytes() const { return step_bytes_; }

 private:
  capability::MemoryBudget* const budget_;
  const std::uint64_t step_bytes_;
  const unsigned times_free_;
  std::uint64_t bytes_ = 0;  // taken from the budget, nobody's yet
};

// What the guests of one function have of it on one worker.
class FunctionAccount final : public engine::MemoryAccount {
 public:
  explicit FunctionAccount(Purse& purse) : purse_(purse) {}
  FunctionAccount(const FunctionAccount&) = delete;
  FunctionAccount& operator=(const FunctionAccount&) = delete;

  bool charge(std::uint64_t bytes) noexcept override;
  void release(std::uint64_t bytes) noexcept override;
  // Whether charge() has refused anything since the last call.
  bool take_refusal() { return std::exchange(refused_, false); }

 private:
  Purse& purse_;
  std::uint64_t bytes_ = 0;
  bool refused_ = false;
};

}  // namespace godwit::runtime
