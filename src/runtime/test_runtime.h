// For tests of the runtime and of what is above it: functions that are scripts of the fake engine
// (engines/fake/script.h has the steps), and an event loop that is turned by hand.
//
//   test::Functions functions;
//   auto function = functions.make("write 1 hello\n", {.name = "greet"});
//   test::ManualLoop loop;                     // with its worker
//   invocation.begin({.function = function, …}, observer);
//   loop.turn();                               // what was posted, then every ready invocation once
//
// Functions may be used from any thread; a ManualLoop belongs to one, but for post().
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "engines/fake/fake_engine.h"
#include "runtime/function.h"
#include "runtime/loop.h"
#include "runtime/worker.h"
#include "wasi/preview1.h"

namespace godwit::runtime::test {

class Functions final {
 public:
  Functions() = default;
  explicit Functions(engines::fake::FakeEngine::Options options) : engine_(std::move(options)) {}

  // The gate has the limits of the spec.
  std::shared_ptr<const Function> make(std::string_view script,
                                       manifest::FunctionSpec spec = {}) const {
    auto code = engine_.compile(as_bytes(script));
    if (!code) {
      ADD_FAILURE() << code.error().text();
      return nullptr;
    }
    auto module = engine_.load(engines::fake::to_artifact(*code),
                               {.host_functions = wasi::host_functions(),
                                .limits = {.memory_bytes = spec.limits.memory_bytes}});
    if (!module) {
      ADD_FAILURE() << module.error().text();
      return nullptr;
    }
    auto gate = std::make_shared<FunctionGate>(
        FunctionGate::Limits{.running = spec.limits.concurrency, .waiting = spec.limits.queue});
    return std::make_shared<const Function>(
        Function{.spec = std::move(spec), .module = std::move(*module), .gate = std::move(gate)});
  }
  std::uint32_t live_instances() const { return engine_.live_instances(); }

 private:
  engines::fake::FakeEngine engine_;
};

class ManualLoop final : public Loop {
 public:
  // By default whatever may run at once does, however slow the machine is.
  explicit ManualLoop(const WorkerOptions& options = {},
                      Nanoseconds inline_time = std::chrono::hours(1))
      : worker_(*this, with(options, inline_time)) {}

  void wake_at(TimePoint deadline) noexcept override { wake_at_ = deadline; }
  void post(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }

  Worker& worker() { return worker_; }
  // The last wake_at().
  std::optional<TimePoint> last_wake_at() const { return wake_at_; }

  std::size_t run_posted() {
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(posted_);
    }
    for (const auto& task : tasks) task();
    return tasks.size();
  }
  // Lets everything be done that can be done without time passing, but no more than `turns`
  // slices (a guest that yields is always ready).
  void turn(int turns = 1000) {
    for (int i = 0; i < turns; ++i) {
      const bool posted = run_posted() > 0;
      if (!worker_.run_ready() && !posted) return;
    }
  }
  // Turns, and lets real time pass, until `done`.
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      worker_.fire_timers(monotonic_now());
      turn(1);
      if (!worker_.has_ready() && !done()) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }
  }
  // As if so much time had passed, for timers that only need to fire.
  void fire_as_if(Nanoseconds passed) { worker_.fire_timers(monotonic_now() + passed); }

 private:
  static WorkerOptions with(WorkerOptions options, Nanoseconds inline_time) {
    options.inline_time = inline_time;
    return options;
  }

  Worker worker_;
  std::optional<TimePoint> wake_at_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace godwit::runtime::test
