// What guests commit, counted for the server as a whole: who is refused, who waits, what comes
// back.
#include <memory>
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

constexpr std::uint64_t kPage = 65536;

class InvocationMemoryTest : public testing::Test {
 protected:
  ~InvocationMemoryTest() override {
    EXPECT_EQ(functions_.live_instances(), 0u) << "a sandbox leaked";
    EXPECT_LE(budget_.used_bytes(), 200 * kPage / 64) << "more than a purse keeps";
    EXPECT_FALSE(loop_.worker().has_ready());
  }
  std::shared_ptr<const Function> function(std::string_view script, manifest::Limits limits = {}) {
    return functions_.make(script, {.name = "f", .limits = limits});
  }

  test::Functions functions_;
  capability::MemoryBudget budget_{100 * kPage};
  test::ManualLoop loop_{{.memory = {.budget = &budget_}}};
};

class InvocationLargeMemoryTest : public testing::Test {
 protected:
  ~InvocationLargeMemoryTest() override {
    EXPECT_EQ(functions_.live_instances(), 0u) << "a sandbox leaked";
    EXPECT_LT(budget_.used_bytes(), 200 * kPage);
    EXPECT_FALSE(loop_.worker().has_ready());
  }

  test::Functions functions_;
  capability::MemoryBudget budget_{1000 * kPage};
  test::ManualLoop loop_{{.memory = {.budget = &budget_}}};
};

TEST_F(InvocationMemoryTest, WhatARunCommitsIsCountedWhileItLives) {
  TestRun run(loop_);
  run.begin(function("memory 10\nwait\ngrow 5\nwait\n"));
  EXPECT_GE(budget_.used_bytes(), 10 * kPage);
  run.invocation->wake();
  loop_.turn();
  EXPECT_GE(budget_.used_bytes(), 10 * kPage);
  run.invocation->end_now(OutcomeKind::kCancelled);
  EXPECT_LT(budget_.used_bytes(), 4 * kPage);
}

TEST_F(InvocationMemoryTest, AGrowthBeyondTheBudgetIsRefusedAndTheServersFault) {
  TestRun run(loop_);
  run.begin(function("memory 10\nmust_grow 60\n", {.memory_bytes = 1000 * kPage}));
  ASSERT_EQ(run.ended, 1);
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kOutOfMemory);
  EXPECT_TRUE(run.invocation->met_memory_budget());

  TestRun own_limit(loop_);
  own_limit.begin(function("memory 10\nmust_grow 60\n", {.memory_bytes = 20 * kPage}));
  EXPECT_EQ(own_limit.invocation->outcome().kind, OutcomeKind::kOutOfMemory);
  EXPECT_FALSE(own_limit.invocation->met_memory_budget());
}

TEST_F(InvocationMemoryTest, AGuestMayGoOnAfterARefusedGrowth) {
  TestRun run(loop_);
  run.begin(function("memory 10\ngrow 60\nwrite 1 small\n", {.memory_bytes = 1000 * kPage}));
  EXPECT_EQ(run.output.text(), "small");
  EXPECT_EQ(run.invocation->outcome().kind, OutcomeKind::kFinished);
}

TEST_F(InvocationMemoryTest, OneFunctionLeavesRoomForAnother) {
  const auto greedy = function("memory 30\nwait\n");
  TestRun first(loop_), second(loop_), modest(loop_);
  first.begin(greedy);
  second.begin(greedy);
  EXPECT_EQ(first.suspended, 1);
  EXPECT_EQ(second.suspended, 0) << "it would have 60 and leave 40";
  modest.begin(function("memory 20\nwrite 1 x\n"));
  loop_.turn();
  EXPECT_EQ(modest.output.text(), "x");
  for (TestRun* run : {&first, &second}) run->invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationMemoryTest, WhoFindsNoRoomWaitsForIt) {
  const auto f = function("memory 30\nwait\n");
  TestRun first(loop_), second(loop_), third(loop_);
  first.begin(f);
  second.begin(f);
  third.begin(f);
  EXPECT_EQ(second.ended + third.ended, 0);
  EXPECT_EQ(functions_.live_instances(), 1u);
  EXPECT_FALSE(loop_.worker().has_ready()) << "it would only try again and again";
  first.invocation->end_now(OutcomeKind::kCancelled);
  loop_.turn();
  EXPECT_EQ(second.suspended, 1);
  EXPECT_EQ(third.suspended, 0) << "in the order in which they came";
  second.invocation->end_now(OutcomeKind::kCancelled);
  loop_.turn();
  EXPECT_EQ(third.suspended, 1);
  third.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationMemoryTest, AndIsRefusedWhenNoneComes) {
  const auto f = function("memory 30\nwait\n", {.queue_timeout = 500ms});
  TestRun first(loop_), second(loop_);
  first.begin(f);
  second.begin(f);
  loop_.fire_as_if(400ms);
  loop_.turn();
  EXPECT_EQ(second.ended, 0);
  loop_.fire_as_if(600ms);
  loop_.turn();
  EXPECT_TRUE(second.refused_with(ErrorCode::kMemoryBudget));
  EXPECT_EQ(f->gate->running(), 1u);
  first.invocation->end_now(OutcomeKind::kCancelled);
}

// Places for sandboxes are shared as memory is: 6 of them, so that one function gets 3.
class InvocationPlacesTest : public testing::Test {
 protected:
  test::Functions functions_;
  capability::MemoryBudget places_{6};
  test::ManualLoop loop_{{.places = {.budget = &places_}}};
};

TEST_F(InvocationPlacesTest, OneFunctionLeavesPlacesForAnother) {
  const auto greedy = functions_.make("wait\n", {.name = "greedy"});
  std::vector<std::unique_ptr<TestRun>> runs;
  for (int i = 0; i < 10; ++i) {
    runs.push_back(std::make_unique<TestRun>(loop_));
    runs.back()->begin(greedy);
    loop_.turn();
  }
  EXPECT_EQ(functions_.live_instances(), 3u);
  TestRun modest(loop_);
  modest.begin(functions_.make("write 1 x\n", {.name = "modest"}));
  loop_.turn();
  EXPECT_EQ(modest.output.text(), "x");
  // A place that becomes free is the next one's; all come back.
  runs[0]->invocation->end_now(OutcomeKind::kCancelled);
  loop_.turn();
  EXPECT_EQ(functions_.live_instances(), 3u);
  runs.clear();
  EXPECT_EQ(functions_.live_instances(), 0u);
}

// 200 pages are four steps.
TEST_F(InvocationLargeMemoryTest, WhatALargeRunLeavesIsGivenBackInSteps) {
  const auto large = functions_.make("memory 200\nwrite 1 x\n", {.name = "large"});
  const auto small = functions_.make("write 1 y\n", {.name = "small"});
  TestRun run(loop_), other(loop_);
  run.begin(large);
  EXPECT_EQ(run.ended, 1) << "the answer does not wait for it";
  EXPECT_EQ(run.output.text(), "x");
  EXPECT_EQ(large->gate->running(), 0u);
  EXPECT_GE(budget_.used_bytes(), 200 * kPage);
  EXPECT_EQ(functions_.live_instances(), 1u);
  ASSERT_TRUE(loop_.worker().run_ready());
  other.begin(small);
  EXPECT_EQ(other.ended, 0) << "in its turn";
  loop_.turn(2);
  EXPECT_EQ(other.ended, 1) << "in between";
  EXPECT_EQ(functions_.live_instances(), 1u);
  int steps = 2;
  while (loop_.worker().run_ready()) ++steps;
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(functions_.live_instances(), 0u);
}

TEST_F(InvocationLargeMemoryTest, AlsoOfARunThatIsEnded) {
  TestRun run(loop_);
  run.begin(functions_.make("memory 200\nwait\n", {.name = "large"}));
  run.invocation->end_now(OutcomeKind::kCancelled);
  EXPECT_EQ(run.ended, 1);
  EXPECT_EQ(functions_.live_instances(), 1u);
  run.invocation.reset();
  loop_.turn();
  EXPECT_EQ(functions_.live_instances(), 0u);
}

// Its next run waits until what the one before left is given back: nothing piles up.
TEST_F(InvocationLargeMemoryTest, TheNextRunOfTheFunctionComesAfterIt) {
  const auto large = functions_.make("memory 200\nwrite 1 x\n", {.name = "large"});
  TestRun first(loop_), second(loop_);
  first.begin(large);
  second.begin(large);
  EXPECT_EQ(second.ended, 0);
  loop_.turn(4);
  EXPECT_EQ(functions_.live_instances(), 0u);
  EXPECT_EQ(second.ended, 0);
  loop_.turn();
  EXPECT_EQ(second.ended, 1);
}

TEST_F(InvocationLargeMemoryTest, WhatIsNotGivenBackYetGoesWithTheWorker) {
  {
    test::ManualLoop loop({.memory = {.budget = &budget_}});
    TestRun run(loop);
    run.begin(functions_.make("memory 200\n", {.name = "large"}));
    EXPECT_EQ(functions_.live_instances(), 1u);
  }
  EXPECT_EQ(functions_.live_instances(), 0u);
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

// What another worker frees is not said to this one: it looks again by itself.
TEST_F(InvocationMemoryTest, LooksAgainAfterAWhile) {
  ASSERT_TRUE(budget_.charge(90 * kPage));
  TestRun run(loop_);
  run.begin(function("memory 10\nwrite 1 x\n"));
  loop_.turn();
  EXPECT_EQ(run.ended, 0);
  budget_.release(90 * kPage);
  loop_.fire_as_if(20ms);
  loop_.turn();
  EXPECT_EQ(run.output.text(), "x");
}

}  // namespace
}  // namespace godwit::runtime
