// When an invocation gets its turn: at once, after others, or never, because the thread has no time
// for it. fair_queue_test.cc has the choice itself.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/invocation.h"
#include "runtime/test_run.h"
#include "runtime/test_runtime.h"

namespace godwit::runtime {
namespace {

using namespace std::chrono_literals;
using engine::OutcomeKind;
using test::TestRun;

using InvocationTurnTest = test::InvocationFixture;

TEST_F(InvocationTurnTest, WhileAnotherIsReadyANewOneWaitsWithoutASandbox) {
  TestRun loop(loop_), second(loop_);
  loop.begin(function("spin\n"));
  const auto f = function("write 1 x\n");
  second.begin(f);
  EXPECT_EQ(second.ended, 0);
  EXPECT_TRUE(second.invocation->active());
  EXPECT_TRUE(second.invocation->waiting());
  EXPECT_EQ(functions_.live_instances(), 1u);
  EXPECT_EQ(f->gate->running(), 1u) << "it has its place";
  loop_.turn(1);
  EXPECT_EQ(second.ended, 1) << "its function has had less";
  EXPECT_EQ(second.output.text(), "x");
  loop.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationTurnTest, WhatHasBegunIsFinishedFirst) {
  TestRun a(loop_), b(loop_);
  const auto f = function("repeat 3\nyield 1\nwrite 1 x\nend\n");
  std::string order;
  a.when_ended = [&] { order += 'a'; };
  b.when_ended = [&] { order += 'b'; };
  a.begin(f);
  b.begin(f);
  EXPECT_EQ(functions_.live_instances(), 1u);
  loop_.turn(3);
  EXPECT_EQ(order, "a");
  loop_.turn();
  EXPECT_EQ(order, "ab");
}

// Many requests that arrive at once do not keep the loop from its sockets for ever.
TEST_F(InvocationTurnTest, ABatchOfNewOnesIsNotRunAllAtOnce) {
  const auto f = function("spin\n", {.cpu = 1us});  // one slice each
  test::ManualLoop loop({}, 300us);
  std::vector<std::unique_ptr<TestRun>> runs;
  int at_once = 0;
  for (int i = 0; i < 50; ++i) {
    runs.push_back(std::make_unique<TestRun>(loop));
    runs.back()->begin(f);
    at_once += runs.back()->ended;
  }
  EXPECT_GE(at_once, 1);
  EXPECT_LT(at_once, 50);
  EXPECT_TRUE(loop.worker().has_ready());
  loop.turn();
  for (const auto& run : runs) EXPECT_EQ(run->ended, 1);
}

TEST_F(InvocationTurnTest, WhoGetsNoTurnInTimeIsRefused) {
  TestRun loop(loop_), late(loop_);
  loop.begin(function("spin\n"));
  late.begin(function("write 1 x\n", {.queue_timeout = 500ms}));
  loop_.fire_as_if(400ms);
  EXPECT_EQ(late.ended, 0);
  loop_.fire_as_if(600ms);
  EXPECT_TRUE(late.refused_with(ErrorCode::kServerOverloaded));
  EXPECT_EQ(functions_.live_instances(), 1u);
  loop.invocation->end_now(OutcomeKind::kCancelled);
}

// With `queue-timeout = "0s"` a request still waits for the slice of the guest before it.
TEST_F(InvocationTurnTest, WithoutAQueueTimeItWaitsALittle) {
  TestRun loop(loop_), second(loop_);
  loop.begin(function("spin\n"));
  second.begin(function("write 1 x\n", {.queue_timeout = 0ns}));
  loop_.fire_as_if(50ms);
  EXPECT_EQ(second.ended, 0);
  loop_.turn(1);
  EXPECT_EQ(second.output.text(), "x");
  loop.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationTurnTest, TheDeadlineCountsWhileItWaits) {
  TestRun loop(loop_), second(loop_);
  loop.begin(function("spin\n"));
  second.begin(function("write 1 x\n", {.timeout = 1ms, .queue_timeout = 10s}));
  std::this_thread::sleep_for(2ms);
  loop_.worker().fire_timers(monotonic_now());
  EXPECT_EQ(second.ended, 1);
  EXPECT_EQ(second.invocation->outcome().kind, OutcomeKind::kDeadline);
  loop.invocation->end_now(OutcomeKind::kCancelled);
}

// With more requests than can be served, the newest is served in time instead of all too late.
TEST_F(InvocationTurnTest, WhenTheFirstIsNearlyTooLateTheNewestGoesFirst) {
  const auto f = function("write 1 x\n", {.queue_timeout = 100ms});
  TestRun blocker(loop_), first(loop_), second(loop_), newest(loop_);
  blocker.begin(function("spin\n"));
  std::string order;
  first.when_ended = [&] { order += '1'; };
  second.when_ended = [&] { order += '2'; };
  newest.when_ended = [&] { order += 'n'; };
  first.begin(f);
  second.begin(f);
  std::this_thread::sleep_for(80ms);
  newest.begin(f);
  for (int i = 0; i < 10 && order.size() < 3; ++i) loop_.turn(1);
  EXPECT_EQ(order, "n21") << "nothing is refused as long as there is time";
  EXPECT_EQ(first.invocation->refusal(), std::nullopt);
  blocker.invocation->end_now(OutcomeKind::kCancelled);
}

// A burst is waited out. What stands for all of `queue-timeout` is no burst.
TEST_F(InvocationTurnTest, AQueueThatDoesNotEndIsShedEarly) {
  const auto f = function("write 1 x\n", {.queue_timeout = 150ms});
  TestRun blocker(loop_), first(loop_), alone(loop_), late(loop_);
  blocker.begin(function("spin\n"));
  alone.begin(f);
  loop_.fire_as_if(120ms);
  EXPECT_EQ(alone.ended, 0);
  alone.invocation->end_now(OutcomeKind::kCancelled);
  first.begin(f);
  std::this_thread::sleep_for(160ms);
  late.begin(f);
  loop_.fire_as_if(120ms);
  EXPECT_TRUE(late.refused_with(ErrorCode::kServerOverloaded));
  blocker.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationTurnTest, AFreshOneMayBeEndedOrDestroyed) {
  TestRun loop(loop_), ended(loop_), destroyed(loop_);
  loop.begin(function("spin\n"));
  const auto f = function("write 1 x\n");
  ended.begin(f);
  destroyed.begin(f);
  ended.invocation->wake();
  ended.invocation->end_now(OutcomeKind::kCancelled);
  EXPECT_EQ(ended.invocation->outcome().kind, OutcomeKind::kCancelled);
  destroyed.invocation.reset();
  EXPECT_EQ(f->gate->running(), 0u);
  loop_.turn(5);
  EXPECT_EQ(ended.ended, 1);
  EXPECT_EQ(ended.output.text(), "");
  loop.invocation->end_now(OutcomeKind::kCancelled);
}

}  // namespace
}  // namespace godwit::runtime
