// Sandbox: an engine's instance and what its host functions work on: one guest, from its making to
// its end. Of most functions it serves one invocation; of those whose instances are reused, one
// after the other.
//
//   Sandbox sandbox(worker);
//   sandbox.make(input, &account);
//   while (sandbox.instance().resume() …)
//   sandbox.drop();
//
// Belongs to a worker and its thread. Its address is what the guest's host functions are called
// with: it must not move while there is an instance.
#pragma once

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/waker.h"
#include "capability/clock.h"
#include "capability/http_exchange.h"
#include "capability/stream.h"
#include "capability/timer.h"
#include "engine/engine.h"
#include "runtime/blocking_pool.h"
#include "runtime/function.h"
#include "runtime/timer_queue.h"
#include "wasi/component_host.h"
#include "wasi/preview1.h"

namespace godwit::runtime {

class Worker;

struct InvocationInput {
  std::shared_ptr<const Function> function;
  const wasi::StringList* arguments = nullptr;    // must stay until the invocation has ended
  const wasi::StringList* environment = nullptr;  // likewise
  capability::InputStream* standard_input = nullptr;
  capability::OutputStream* standard_output = nullptr;
  capability::OutputStream* standard_error = nullptr;
  capability::HttpExchange* http = nullptr;  // required by functions that speak HTTP themselves
};

// Wakes the guest's own timers (poll_oneoff, clocks) through the worker's queue.
class GuestTimer final : public capability::Timers, private TimerNode {
 public:
  explicit GuestTimer(TimerQueue& queue) : queue_(queue) {}
  capability::TimerId arm(TimePoint deadline, Waker* waker) override;
  void cancel(capability::TimerId id) override;
  void forget() { disarm(); }

 private:
  void on_timer() noexcept override;
  TimerQueue& queue_;
  Waker* waker_ = nullptr;
  std::uint64_t last_id_ = 0;  // of the timer that is armed, or was last
};

class Sandbox final : private Waker {
 public:
  explicit Sandbox(Worker& worker);
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox() { drop(); }

  // A fresh instance of input.function for that invocation, which `owner` is woken for. Errors: as
  // engine::Module::instantiate(); there is none then. `account` null: nobody counts.
  Result<void> make(const InvocationInput& input, Waker& owner, engine::MemoryAccount* account);
  // REQUIRES: make() succeeded, and neither drop() nor take_instance() since.
  engine::Instance& instance() { return *instance_; }
  bool has_instance() const { return instance_ != nullptr; }
  bool is_component() const { return component_.has_value(); }
  // CPU time of its work on other threads since the last call.
  Nanoseconds take_blocking_cpu() { return blocking_.take_cpu(); }

  // The request is answered (Progress::kRested): lets go of all that was the invocation's. False
  // when something of it is still under way: the instance can't serve another.
  bool rest();
  // Serves another request of the same function. REQUIRES: rest() was true.
  void bind(const InvocationInput& input, Waker& owner);
  // Requests that it has served, with the one at hand.
  std::uint64_t requests() const { return requests_; }

  // Without the host's side, for what only gives memory back. REQUIRES: no component.
  std::unique_ptr<engine::Instance> take_instance();
  void drop();

 private:
  void wake() noexcept override;
  wasi::Preview1::Options preview1_options(const InvocationInput& input);
  wasi::ComponentHost::Options component_options(const InvocationInput& input);

  Worker& worker_;
  Waker* owner_ = nullptr;  // null while it rests
  std::uint64_t requests_ = 0;
  GuestTimer timer_;
  GuestTimer component_timer_;  // preview 1's functions may wait beside a component's timers
  GuestBlocking blocking_;
  std::optional<capability::SystemClock> clock_;  // the guest's monotonic time starts with it
  std::optional<wasi::Preview1> wasi_;
  std::optional<wasi::ComponentHost> component_;  // of components
  std::unique_ptr<engine::Instance> instance_;
};

}  // namespace godwit::runtime
