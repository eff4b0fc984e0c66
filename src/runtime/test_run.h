// For tests: one invocation with the streams that it reads and writes, and what its observer heard.
//
//   TestRun run(loop);
//   run.begin(function);
//   run.input.push("…");   loop.turn();
//   EXPECT_EQ(run.ended, 1);
//
// As its loop: one thread.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include "capability/manual.h"
#include "capability/stream.h"
#include "runtime/invocation.h"
#include "runtime/test_runtime.h"
#include "wasi/string_list.h"

namespace godwit::runtime::test {

class TestRun final : public InvocationObserver {
 public:
  struct Options {
    std::size_t output_bytes = std::size_t{1} << 20;  // then stdout is full
  };

  explicit TestRun(ManualLoop& loop) : TestRun(loop, Options()) {}
  TestRun(ManualLoop& loop, Options options)
      : output(options.output_bytes),
        error(std::size_t{1} << 20),
        standard_output(&output),
        invocation(std::make_unique<Invocation>(loop.worker())) {}

  void begin(std::shared_ptr<const Function> function) {
    invocation->begin({.function = std::move(function),
                       .arguments = &arguments,
                       .environment = &environment,
                       .standard_input = &input,
                       .standard_output = standard_output,
                       .standard_error = &error},
                      *this);
  }
  bool refused_with(ErrorCode code) const {
    return ended == 1 && invocation->refusal() && invocation->refusal()->code == code;
  }

  wasi::StringList arguments;
  wasi::StringList environment;
  capability::ManualInput input;
  capability::StringOutput output;
  capability::StringOutput error;
  capability::OutputStream* standard_output;

  int suspended = 0;
  int ended = 0;
  int expired = 0;
  std::function<void()> when_suspended;
  std::function<void()> when_ended;
  std::function<void()> when_expired;

  std::unique_ptr<Invocation> invocation;  // dies first: it uses the streams

 private:
  void on_suspended() noexcept override {
    ++suspended;
    if (when_suspended) when_suspended();
  }
  void on_ended() noexcept override {
    ++ended;
    if (when_ended) when_ended();
  }
  void on_expired() noexcept override {
    ++expired;
    if (when_expired) when_expired();
  }
};

// Invocations on one loop; at the end nothing may be left of them.
class InvocationFixture : public testing::Test {
 protected:
  ~InvocationFixture() override {
    EXPECT_EQ(functions_.live_instances(), 0u) << "a sandbox leaked";
    EXPECT_EQ(loop_.worker().timers().size(), 0u) << "a timer leaked";
    EXPECT_FALSE(loop_.worker().has_ready());
  }
  std::shared_ptr<const Function> function(std::string_view script, manifest::Limits limits = {}) {
    return functions_.make(script, {.name = "f", .limits = limits});
  }

  Functions functions_;
  ManualLoop loop_;
};

}  // namespace godwit::runtime::test
