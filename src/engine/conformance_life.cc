// Conformance: waiting, time slices, cancellation at any moment, many instances, threads.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

using testing::ElementsAre;

TEST_P(EngineConformance, AWaitingGuestGoesOnWhereItStood) {
  const auto module = load("wait");
  const auto instance = start(*module);
  EXPECT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  // Resumed too early it asks again, and goes on waiting.
  EXPECT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  EXPECT_EQ(state().wait_calls, 2);
  state().ready = 1;
  EXPECT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  EXPECT_THAT(state().notes, ElementsAre(20));
  state().ready = 2;
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(20, 40, 60));
}

TEST_P(EngineConformance, WhatIsReadyDoesNotWait) {
  const auto module = load("wait");
  state().ready = 3;
  EXPECT_EQ(run_to_end(*start(*module)).kind, OutcomeKind::kFinished);
  EXPECT_EQ(state().wait_calls, 3);
}

TEST_P(EngineConformance, AWaitCanEndInAnExit) {
  const auto module = load("wait_then_exit");
  const auto instance = start(*module);
  EXPECT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  state().ready = 1;
  const Outcome outcome = run_to_end(*instance);
  EXPECT_EQ(outcome.kind, OutcomeKind::kExited);
  EXPECT_EQ(outcome.exit_code, 5);
}

TEST_P(EngineConformance, DestroyedBeforeItsFirstResume) {
  const auto module = load("note");
  start(*module).reset();
  EXPECT_TRUE(state().notes.empty());
  EXPECT_EQ(run("finish").kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, DestroyedWhileWaiting) {
  const auto module = load("wait");
  for (int round = 0; round < 100; ++round) {
    auto instance = start(*module);
    ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
    instance.reset();
  }
  EXPECT_EQ(state().wait_calls, 100);
  EXPECT_TRUE(state().notes.empty());
  EXPECT_EQ(run("finish").kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, DestroyedAfterTheEndWithoutAskingHow) {
  const auto module = load("finish");
  auto instance = start(*module);
  EXPECT_EQ(resume_through_slices(*instance), Progress::kDone);
  instance.reset();
  EXPECT_EQ(run("finish").kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, AnInstanceMayOutliveItsModule) {
  auto module = load("wait");
  const auto instance = start(*module);
  EXPECT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  module.reset();
  state().ready = 3;
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, AnEndlessLoopYieldsAgainAndAgain) {
  GODWIT_NEEDS(time_slices);
  const auto loop = load("loop");
  const auto note = load("note");
  auto spinning = start(*loop);
  for (int slice = 0; slice < 20; ++slice) {
    ASSERT_EQ(spinning->resume(), Progress::kYielded) << slice;
    // Another guest on the same thread runs between the slices.
    if (slice % 5 == 0) {
      EXPECT_EQ(run_to_end(*start(*note)).kind, OutcomeKind::kFinished);
    }
  }
  spinning.reset();
  EXPECT_EQ(run("finish").kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, AnEndlessStartFunctionYieldsToo) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = load("start_loops");
  auto spinning = start(*module);
  EXPECT_TRUE(state().notes.empty());
  for (int slice = 0; slice < 5; ++slice) ASSERT_EQ(spinning->resume(), Progress::kYielded);
  EXPECT_THAT(state().notes, ElementsAre(1));
}

TEST_P(EngineConformance, TenThousandInstancesInSequence) {
  const auto module = load("note");
  for (int round = 0; round < 10'000; ++round) {
    state().notes.clear();
    ASSERT_EQ(run_to_end(*start(*module)).kind, OutcomeKind::kFinished);
    ASSERT_EQ(state().notes.size(), 2u);
  }
}

TEST_P(EngineConformance, SixHundredWaitAtOnce) {
  constexpr int kInstances = 600;
  const auto module = load("wait");
  std::vector<TestState> states(kInstances);
  std::vector<std::unique_ptr<Instance>> instances;
  for (TestState& each : states) {
    auto instance = module->instantiate({.state = &each});
    ASSERT_TRUE(instance.has_value()) << instance.error().text();
    ASSERT_EQ(resume_through_slices(**instance), Progress::kWaiting);
    instances.push_back(*std::move(instance));
  }
  for (int index = kInstances - 1; index >= 0; --index) {
    states[static_cast<std::size_t>(index)].ready = 3;
    Instance& instance = *instances[static_cast<std::size_t>(index)];
    ASSERT_EQ(run_to_end(instance).kind, OutcomeKind::kFinished);
    EXPECT_THAT(states[static_cast<std::size_t>(index)].notes, ElementsAre(20, 40, 60));
  }
}

TEST_P(EngineConformance, AnExhaustedPoolIsAnErrorAndRecovers) {
  const auto module = load("wait");
  const std::size_t most = capabilities().most_instances;
  std::vector<std::unique_ptr<Instance>> instances;
  for (std::size_t count = 0; count < most; ++count) {
    instances.push_back(start(*module));
    ASSERT_EQ(resume_through_slices(*instances.back()), Progress::kWaiting) << count;
  }
  const auto refused = module->instantiate({.state = &state()});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kServerOverloaded);
  instances.pop_back();
  EXPECT_EQ(run("finish").kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, SeveralThreadsAtOnce) {
  const auto module = load("wait");
  const auto loop = capabilities().time_slices ? load("loop") : nullptr;
  std::atomic<int> finished{0};
  const auto work = [&] {
    harness().engine().prepare_thread();
    TestState own;
    std::unique_ptr<Instance> spinning;
    if (loop) spinning = *loop->instantiate({.state = &own});
    for (int round = 0; round < 200; ++round) {
      own = TestState{};
      auto instance = module->instantiate({.state = &own});
      if (!instance || resume_through_slices(**instance) != Progress::kWaiting) return;
      if (spinning && round % 50 == 0 && spinning->resume() != Progress::kYielded) return;
      own.ready = 3;
      if (resume_through_slices(**instance) != Progress::kDone) return;
      if ((*instance)->take_outcome().kind != OutcomeKind::kFinished) return;
    }
    finished.fetch_add(1);
  };
  std::vector<std::thread> threads;
  for (int count = 0; count < 4; ++count) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(finished.load(), 4);
}

}  // namespace
}  // namespace godwit::engine::conformance
