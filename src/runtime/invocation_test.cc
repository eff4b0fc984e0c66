// The life of one invocation: how it ends, how it waits, what it uses. invocation_queue_test.cc
// has admission, and what may happen in every state.
#include "runtime/invocation.h"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "runtime/test_run.h"
#include "runtime/test_runtime.h"

namespace godwit::runtime {
namespace {

using namespace std::chrono_literals;
using engine::OutcomeKind;
using engine::Trap;
using test::TestRun;

using InvocationTest = test::InvocationFixture;

TEST_F(InvocationTest, AGuestThatNeverWaitsIsDoneWhenBeginReturns) {
  const auto f = function("write 1 hello\nwrite 2 log\n");
  TestRun run(loop_);
  run.begin(f);
  EXPECT_EQ(run.ended, 1);
  EXPECT_EQ(run.suspended, 0);
  EXPECT_FALSE(run.invocation->active());
  EXPECT_EQ(run.invocation->refusal(), std::nullopt);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kFinished);
  EXPECT_TRUE(run.invocation->outcome().success());
  EXPECT_EQ(run.output.text(), "hello");
  EXPECT_EQ(run.error.text(), "log");
  EXPECT_EQ(f->gate->running(), 0u);
  EXPECT_EQ(functions_.live_instances(), 0u) << "the sandbox stays until release()";
}

TEST_F(InvocationTest, ExitCodes) {
  const struct {
    const char* script;
    int code;
    bool success;
  } rows[] = {
      {"exit 0\n", 0, true}, {"exit 3\nwrite 1 never\n", 3, false}, {"exit 255\n", 255, false}};
  for (const auto& row : rows) {
    TestRun run(loop_);
    run.begin(function(row.script));
    ASSERT_EQ(run.ended, 1);
    EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kExited);
    EXPECT_EQ(run.invocation->outcome().exit_code, row.code);
    EXPECT_EQ(run.invocation->outcome().success(), row.success);
    EXPECT_EQ(run.output.text(), "");
  }
}

TEST_F(InvocationTest, Traps) {
  const struct {
    const char* script;
    Trap trap;
  } rows[] = {{"trap unreachable\n", Trap::kUnreachable},
              {"trap stack\n", Trap::kStackOverflow},
              {"store32 0xFFFFFFFF 1\n", Trap::kMemoryOutOfBounds}};
  for (const auto& row : rows) {
    TestRun run(loop_);
    run.begin(function(row.script));
    ASSERT_EQ(run.ended, 1) << row.script;
    EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kTrapped) << row.script;
    EXPECT_EQ(run.invocation->outcome().trap, row.trap) << row.script;
    EXPECT_EQ(run.invocation->function().gate->running(), 0u) << row.script;
  }
}

TEST_F(InvocationTest, ARefusedGrowthMakesItOutOfMemory) {
  TestRun run(loop_);
  run.begin(function("must_grow 100\n", {.memory_bytes = std::uint64_t{10} * 65536}));
  ASSERT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kOutOfMemory);
  EXPECT_EQ(run.invocation->usage().memory_bytes, 65536u);
}

TEST_F(InvocationTest, ArgumentsAndEnvironmentReachTheGuest) {
  TestRun run(loop_);
  ASSERT_TRUE(run.arguments.add("f") && run.arguments.add("second"));
  ASSERT_TRUE(run.environment.add_variable("NAME", "Ada"));
  run.begin(function("arg 1\nwrite 1 -\nenv NAME\nenv NOT_SET\n"));
  EXPECT_EQ(run.output.text(), "second-Ada");
}

TEST_F(InvocationTest, WaitsForInputAndGoesOnWhenItComes) {
  const auto f = function("echo\n");
  TestRun run(loop_);
  run.begin(f);
  EXPECT_EQ(run.ended, 0);
  EXPECT_EQ(run.suspended, 1);
  EXPECT_TRUE(run.invocation->active());
  EXPECT_EQ(f->gate->running(), 1u);
  loop_.turn();
  EXPECT_EQ(run.suspended, 1) << "it ran without being woken";

  run.input.push("one ");
  EXPECT_EQ(run.output.text(), "") << "a guest ran inside wake()";
  EXPECT_TRUE(loop_.worker().has_ready());
  loop_.turn();
  EXPECT_EQ(run.output.text(), "one ");
  EXPECT_EQ(run.suspended, 2);

  run.input.push("two");
  run.input.push("!");  // the second wake-up of the same wait
  run.input.end();
  loop_.turn();
  EXPECT_EQ(run.output.text(), "one two!");
  EXPECT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kFinished);
}

TEST_F(InvocationTest, WaitsForRoomInTheOutput) {
  TestRun run(loop_, {.output_bytes = 4});
  run.begin(function("fill 1 10 x\n"));
  EXPECT_EQ(run.suspended, 1);
  EXPECT_EQ(run.output.take(), "xxxx");
  loop_.turn();
  EXPECT_EQ(run.output.take(), "xxxx");
  loop_.turn();
  EXPECT_EQ(run.output.take(), "xx");
  EXPECT_EQ(run.ended, 1);
}

TEST_F(InvocationTest, AnOutputWithoutReaderIsAnErrorOfTheGuests) {
  TestRun run(loop_, {.output_bytes = 4});
  run.begin(function("fill 1 10 x\n"));
  run.output.close();
  loop_.turn();
  ASSERT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kTrapped);  // the script's way with EPIPE
}

TEST_F(InvocationTest, SleepsOnTheWorkersTimers) {
  TestRun run(loop_);
  run.begin(function("write 1 a\nsleep_ms 2\nwrite 1 b\n"));
  EXPECT_EQ(run.suspended, 1);
  EXPECT_EQ(run.output.text(), "a");
  EXPECT_EQ(loop_.worker().timers().size(), 2u);  // the guest's and the wall clock
  ASSERT_TRUE(loop_.last_wake_at().has_value());
  EXPECT_EQ(*loop_.last_wake_at(), *loop_.worker().timers().next_deadline());
  const TimePoint began = monotonic_now();
  loop_.run_until([&] { return run.ended == 1; });
  EXPECT_EQ(run.output.text(), "ab");
  EXPECT_GE(monotonic_now() - began + 1ms, 2ms);
}

// A timer that fires early (a coarse clock) must not end the sleep: poll_oneoff looks itself.
TEST_F(InvocationTest, ATimerThatFiresEarlyIsNoWakeUp) {
  TestRun run(loop_);
  run.begin(function("sleep_ms 10000\n"));
  loop_.fire_as_if(11s);
  loop_.turn();
  EXPECT_EQ(run.ended, 0);
  EXPECT_EQ(run.suspended, 2);
  EXPECT_EQ(loop_.worker().timers().size(), 2u) << "the sleep's timer was not armed again";
  run.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationTest, TheCpuLimitEndsALoop) {
  const auto f = function("spin\n", {.cpu = 2ms});
  TestRun run(loop_);
  run.begin(f);
  EXPECT_EQ(run.ended, 0) << "one slice is shorter than the limit";
  loop_.turn();
  ASSERT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kCpuLimit);
  EXPECT_GE(run.invocation->usage().cpu, 2ms);
  EXPECT_GE(run.invocation->usage().slices, 2u);
  EXPECT_EQ(f->gate->running(), 0u);
}

TEST_F(InvocationTest, WaitingCostsNoCpuTime) {
  TestRun run(loop_);
  run.begin(function("sleep_ms 20\n", {.cpu = 10ms}));
  loop_.run_until([&] { return run.ended == 1; });
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kFinished);
}

TEST_F(InvocationTest, TheDeadlineEndsASleeperAndAWaiter) {
  for (const char* script : {"sleep_ms 60000\n", "wait\n", "echo\n", "fill 1 10 x\n"}) {
    SCOPED_TRACE(script);
    const auto f = function(script, {.timeout = 30s});
    TestRun run(loop_, {.output_bytes = 4});
    run.begin(f);
    loop_.fire_as_if(29s);
    EXPECT_EQ(run.ended, 0);
    loop_.fire_as_if(31s);
    ASSERT_EQ(run.ended, 1);
    EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kDeadline);
    EXPECT_EQ(f->gate->running(), 0u);
    EXPECT_EQ(run.expired, 0);
    run.input.push("late");  // nobody listens any more
    run.output.take();
    loop_.turn();
    EXPECT_EQ(run.ended, 1);
  }
}

// A guest that is always ready keeps the loop from its timers.
TEST_F(InvocationTest, TheDeadlineEndsALoopAlsoWithoutTimers) {
  TestRun run(loop_);
  run.begin(function("spin\n", {.cpu = 10s, .timeout = 3ms}));
  for (int i = 0; i < 1000 && run.ended == 0; ++i) loop_.turn(1);
  ASSERT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kDeadline);
}

TEST_F(InvocationTest, TheWallClockGoesOnUntilRelease) {
  TestRun run(loop_);
  run.begin(function("write 1 x\n", {.timeout = 30s}));
  ASSERT_EQ(run.ended, 1);
  EXPECT_EQ(loop_.worker().timers().size(), 1u);
  loop_.fire_as_if(31s);
  EXPECT_EQ(run.expired, 1);
  EXPECT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kFinished) << "the end stays what it was";
  loop_.fire_as_if(100s);
  EXPECT_EQ(run.expired, 1);
  run.invocation->release();
}

TEST_F(InvocationTest, NothingExpiresAfterRelease) {
  TestRun run(loop_);
  run.begin(function("write 1 x\n", {.timeout = 30s}));
  run.invocation->release();
  loop_.fire_as_if(31s);
  EXPECT_EQ(run.expired, 0);
}

TEST_F(InvocationTest, CanBeUsedAgain) {
  const auto f = function("env ROUND\necho\nyield 2\nexit 7\n");
  TestRun run(loop_);
  for (const char* round : {"one", "two", "three"}) {
    run.environment.clear();
    ASSERT_TRUE(run.environment.add_variable("ROUND", round));
    run.input = capability::ManualInput();
    run.begin(f);
    run.input.push(".");
    run.input.end();
    loop_.turn();
    EXPECT_EQ(run.output.take(), std::string(round) + ".");
    EXPECT_EQ(run.invocation->outcome().exit_code, 7);
    run.invocation->release();
  }
  EXPECT_EQ(run.ended, 3);
  // Nothing of the last run is left in the next one.
  run.begin(function("write 1 clean\n"));
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kFinished);
  EXPECT_EQ(run.invocation->outcome().exit_code, 0);
  EXPECT_EQ(run.invocation->usage().slices, 1u);
}

TEST_F(InvocationTest, TheNextRunMayBeginInsideOnEnded) {
  const auto f = function("write 1 x\n");
  TestRun run(loop_);
  run.when_ended = [&] {
    if (run.ended == 3) return;
    run.invocation->release();
    run.begin(f);
  };
  run.begin(f);
  EXPECT_EQ(run.ended, 3);
  EXPECT_EQ(run.output.text(), "xxx");
}

TEST_F(InvocationTest, ItMayBeEndedOrDestroyedInsideOnSuspended) {
  const auto f = function("echo\n");
  TestRun ended(loop_);
  ended.when_suspended = [&] { ended.invocation->end_now(OutcomeKind::kCancelled); };
  ended.begin(f);
  EXPECT_EQ(ended.ended, 1);
  EXPECT_EQ(ended.invocation->outcome().kind, OutcomeKind::kCancelled);

  TestRun destroyed(loop_);
  destroyed.when_suspended = [&] { destroyed.invocation.reset(); };
  destroyed.begin(f);
  EXPECT_EQ(destroyed.ended, 0);
  EXPECT_EQ(f->gate->running(), 0u);
}

TEST_F(InvocationTest, ItMayBeDestroyedInsideOnEndedAndOnExpired) {
  TestRun run(loop_);
  run.when_ended = [&] { run.invocation.reset(); };
  run.begin(function("yield 1\n"));
  loop_.turn();
  EXPECT_EQ(run.ended, 1);

  TestRun expired(loop_);
  expired.when_expired = [&] { expired.invocation.reset(); };
  expired.begin(function("write 1 x\n"));
  loop_.fire_as_if(31s);
  EXPECT_EQ(expired.expired, 1);
}

TEST_F(InvocationTest, UsageTellsWhatTheRunUsed) {
  TestRun run(loop_);
  run.begin(function("memory 3\ngrow 1\nyield 4\nfill 1 1000 x\n"));
  loop_.turn();
  ASSERT_EQ(run.ended, 1);
  const Usage& usage = run.invocation->usage();
  EXPECT_EQ(usage.memory_bytes, 4u * 65536);
  EXPECT_EQ(usage.slices, 5u);
  EXPECT_GT(usage.cpu, 0ns);
  EXPECT_GT(usage.setup, 0ns);
  EXPECT_GT(usage.cleanup, 0ns);
  EXPECT_LT(usage.cpu, 5s);
}

TEST_F(InvocationTest, UsageOfARunThatWasEndedByUs) {
  TestRun run(loop_);
  run.begin(function("memory 2\nwait\n"));
  run.invocation->end_now(OutcomeKind::kCancelled);
  EXPECT_EQ(run.invocation->usage().memory_bytes, 2u * 65536);
  EXPECT_EQ(run.invocation->usage().slices, 1u);
}

}  // namespace
}  // namespace godwit::runtime
