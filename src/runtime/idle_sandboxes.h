// IdleSandboxes: instances of one worker that have answered and wait for their function's next
// request (`instances = "reused"`).
//
//   if (auto sandbox = idle.take(function)) …        // the one that was used last
//   idle.keep(std::move(sandbox), function, share);  // for the function's max-idle at most
//
// Never shared: by functions, by versions of one, by workers. What an idle one has, memory and its
// places, stays its function's until it goes: after max-idle, when there are too many, or when
// somebody else needs the room (drop_oldest()). Worker-local: not thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "runtime/fair_queue.h"
#include "runtime/function.h"
#include "runtime/sandbox.h"
#include "runtime/timer_queue.h"

namespace godwit::runtime {

class IdleSandboxes final {
 public:
  // Of all functions together; then the oldest goes.
  static constexpr std::size_t kMost = 256;

  explicit IdleSandboxes(TimerQueue& timers) : timers_(timers) {}
  IdleSandboxes(const IdleSandboxes&) = delete;
  IdleSandboxes& operator=(const IdleSandboxes&) = delete;

  // Null when there is none. Its places stay charged to the share.
  std::unique_ptr<Sandbox> take(const Function& function);
  // REQUIRES: it rests. `share`: the function's, which it keeps as long as it is here.
  void keep(std::unique_ptr<Sandbox> sandbox, std::shared_ptr<const Function> function,
            FunctionShare& share);
  // False when there is none.
  bool drop_oldest();
  std::size_t size() const { return idle_.size(); }

 private:
  struct Idle final : public TimerNode {
    Idle(IdleSandboxes& owner, std::unique_ptr<Sandbox> sandbox,
         std::shared_ptr<const Function> function, FunctionShare& share);
    ~Idle() override;
    void on_timer() noexcept override { owner.idle_.erase(place); }

    IdleSandboxes& owner;
    std::shared_ptr<const Function> function;
    FunctionShare& share;
    std::unique_ptr<Sandbox> sandbox;
    std::list<Idle>::iterator place;
  };

  TimerQueue& timers_;
  std::list<Idle> idle_;  // the one that was used last in front
};

}  // namespace godwit::runtime
