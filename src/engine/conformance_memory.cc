// Conformance: who pays for memory. What an account is charged with is what the instance has, it
// is released once in every ending, and what it refuses the guest does not get.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "base/check.h"
#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::uint64_t kRefused = 0xffffffff;  // memory.grow's -1
constexpr std::uint64_t kPage = 65536;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

constexpr std::uint64_t kGrown = 10'001 * kPage;  // scenario "grow", when it may

TEST_P(EngineConformance, AnAccountIsChargedWithWhatTheInstanceHas) {
  CountingAccount account;
  const auto module = load("grow_then_wait");
  auto instance = start_paid(*module, account);
  EXPECT_EQ(account.held(), kPage);
  EXPECT_EQ(account.held(), instance->memory_bytes());
  ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  EXPECT_THAT(state().notes, ElementsAre(1));
  EXPECT_EQ(account.held(), 11 * kPage);
  EXPECT_EQ(account.held(), instance->memory_bytes());
  state().ready = 1;
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  // Released with the end of the run, not only with the instance; the last figure stays.
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(instance->memory_bytes(), 11 * kPage);
  instance.reset();
  EXPECT_EQ(account.charged, 11 * kPage);
  EXPECT_EQ(account.released, 11 * kPage);
  EXPECT_EQ(account.releases, 1);
}

// Globals and references to functions are the engine's memory, made by the guest's module.
TEST_P(EngineConformance, WhatTheInstanceItselfTakesIsCharged) {
  GODWIT_NEEDS(executes_wasm);
  std::string text = "(module (memory 1) (func (export \"_start\"))";
  for (int i = 0; i < 10'000; ++i) text += "(global i64 (i64.const 1))";
  const auto module = harness().load_text(text + ")", {.host_functions = host_functions()});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  constexpr std::uint64_t kGlobals = 10'000 * std::uint64_t{16} + 32;  // and _start
  CountingAccount account;
  auto instance = start_paid(**module, account);
  EXPECT_EQ(account.held(), kPage + kGlobals);
  EXPECT_EQ(instance->memory_bytes(), kPage);
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  instance.reset();
  EXPECT_EQ(account.held(), 0u);
  CountingAccount poor(kPage);
  const auto refused = (*module)->instantiate({.state = &state(), .memory = &poor});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kServerOverloaded);
  EXPECT_EQ(poor.held(), 0u);
}

TEST_P(EngineConformance, AnInstanceSaysHowManyPlacesItTakes) {
  GODWIT_NEEDS(executes_wasm);
  const auto places = [&](std::string_view text) {
    const auto module = harness().load_text(text, {.host_functions = host_functions()});
    CHECK(module.has_value(), module.error().text());
    return (*module)->places();
  };
  EXPECT_EQ(places("(module (func (export \"_start\")))"), 1u);
  EXPECT_EQ(places("(module (memory 0) (memory 0) (memory 0) (func (export \"_start\")))"), 3u);
  EXPECT_EQ(places("(module (memory 0) (table 0 funcref) (table 0 funcref)"
                   " (func (export \"_start\")))"),
            2u);
}

// What is large stays, and is charged, until it was given back in steps or the instance goes.
TEST_P(EngineConformance, WhatALargeRunLeavesIsGivenBackInSteps) {
  const auto module = load("grow", {.memory_bytes = 1024 * kMiB});
  for (const std::uint64_t step : {kMiB, 100 * kMiB}) {
    CountingAccount account;
    auto instance = start_paid(*module, account);
    EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
    EXPECT_EQ(account.held(), kGrown);
    std::uint64_t steps = 1;
    while (instance->shed(step)) ++steps;
    EXPECT_GE(steps * step, kGrown - kSmallMemoryBytes);
    EXPECT_LE((steps - 1) * step, kGrown + step);
    EXPECT_FALSE(instance->shed(step));
    EXPECT_EQ(account.held(), kGrown);
    instance.reset();
    EXPECT_EQ(account.held(), 0u);
    EXPECT_EQ(account.releases, 1);
  }
}

TEST_P(EngineConformance, AlsoOfARunThatWaitsOrHasNotBegun) {
  const auto waits = load("grow_then_wait");
  CountingAccount account;
  auto fresh = start_paid(*waits, account);
  auto waiting = start_paid(*waits, account);
  ASSERT_EQ(resume_through_slices(*waiting), Progress::kWaiting);
  for (auto* const instance : {&fresh, &waiting}) {
    while ((*instance)->shed(kMiB)) {
    }
    instance->reset();
  }
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(account.releases, 2);
}

// The memory is not exported, and the start function is what fills it.
TEST_P(EngineConformance, AStartFunctionsHiddenMemoryIsGivenBackToo) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = load("start_fills", {.memory_bytes = 1024 * kMiB});
  auto instance = start(*module);
  EXPECT_EQ(run_to_end(*instance).trap, Trap::kUnreachable);
  const std::uint64_t before = resident_bytes();
  std::uint64_t steps = 0;
  while (instance->shed(16 * kMiB)) ++steps;
  EXPECT_GE(steps, 100u / 16);
  EXPECT_LT(resident_bytes() + 90 * kMiB, before);
}

TEST_P(EngineConformance, EveryEndingReleasesWhatWasCharged) {
  std::vector<const char*> scenarios{
      "finish", "exit_0",         "exit_3",           "refuse",
      "grow",   "grow_then_trap", "grow_then_exit_4", "grow_then_exit_0"};
  if (capabilities().executes_wasm) {
    scenarios.insert(scenarios.end(),
                     {"trap_unreachable", "trap_memory", "trap_stack", "trap_segment",
                      "start_traps", "start_imported", "dirty", "dirty_trap", "memories_2000",
                      "recursion_without_end", "gc_heap"});
  }
  // The account lets everything through, nothing beyond the beginning, or nothing of "grow".
  for (const std::uint64_t most : {4096 * kMiB, 2 * kMiB, 128 * kMiB + kPage}) {
    for (const char* scenario : scenarios) {
      CountingAccount account(most);
      const auto module = load(scenario, {.memory_bytes = 1024 * kMiB});
      auto instance = module->instantiate({.state = &state(), .memory = &account});
      if (!instance) {
        EXPECT_EQ(instance.error().code, ErrorCode::kServerOverloaded) << scenario;
        EXPECT_GT(account.refusals, 0) << scenario;
      } else {
        run_to_end(**instance);
        instance->reset();
      }
      EXPECT_EQ(account.charged, account.released) << scenario << ", at most " << most;
      EXPECT_FALSE(account.released_too_much) << scenario;
      EXPECT_FALSE(account.charged_nothing) << scenario;
    }
  }
}

TEST_P(EngineConformance, DestroyedAtAnyMomentItReleasesOnce) {
  CountingAccount account;
  const auto waits = load("grow_then_wait");
  start_paid(*waits, account).reset();
  EXPECT_EQ(account.charged, kPage);
  EXPECT_EQ(account.held(), 0u);

  auto waiting = start_paid(*waits, account);
  ASSERT_EQ(resume_through_slices(*waiting), Progress::kWaiting);
  EXPECT_EQ(account.held(), 11 * kPage);
  waiting.reset();
  EXPECT_EQ(account.held(), 0u);

  const auto loop = capabilities().time_slices ? load("loop") : load("wait");
  auto running = start_paid(*loop, account);
  EXPECT_NE(running->resume(), Progress::kDone);
  EXPECT_EQ(account.held(), running->memory_bytes());
  running.reset();
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(account.releases, 3);
}

TEST_P(EngineConformance, AnInstanceThatOutlivesItsModuleReleasesToo) {
  CountingAccount account;
  auto module = load("wait");
  auto instance = start_paid(*module, account);
  ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  module.reset();
  instance.reset();
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(account.releases, account.charged == 0 ? 0 : 1);
}

TEST_P(EngineConformance, ARefusedBeginningIsOverloadAndCostsNoPlace) {
  const auto module = load("finish");
  CountingAccount account(kPage - 1);
  for (std::size_t count = 0; count < 2 * capabilities().most_instances; ++count) {
    const auto instance = module->instantiate({.state = &state(), .memory = &account});
    ASSERT_FALSE(instance.has_value());
    ASSERT_EQ(instance.error().code, ErrorCode::kServerOverloaded);
  }
  EXPECT_EQ(account.charged, 0u);
  EXPECT_EQ(account.released, 0u);
  account.most = kPage;
  EXPECT_EQ(run_to_end(*start_paid(*module, account)).kind, OutcomeKind::kFinished);
  EXPECT_EQ(account.held(), 0u);
}

TEST_P(EngineConformance, AnExhaustedPoolChargesNothing) {
  const auto module = load("wait");
  CountingAccount account;
  std::vector<std::unique_ptr<Instance>> instances;
  for (std::size_t count = 0; count < capabilities().most_instances; ++count) {
    instances.push_back(start_paid(*module, account));
  }
  const std::uint64_t held = account.held();
  EXPECT_FALSE(module->instantiate({.state = &state(), .memory = &account}).has_value());
  EXPECT_EQ(account.held(), held);
  instances.clear();
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(account.charged, account.released);
}

TEST_P(EngineConformance, AGrowthThatTheAccountRefusesReturnsMinusOne) {
  const auto grow = load("grow", {.memory_bytes = 1024 * kMiB});
  CountingAccount enough(kGrown);
  EXPECT_EQ(run_to_end(*start_paid(*grow, enough)).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(1));
  EXPECT_EQ(enough.charged, kGrown);

  CountingAccount little(kGrown - 1);
  state().notes.clear();
  const auto instance = start_paid(*grow, little);
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(kRefused));
  EXPECT_EQ(instance->memory_bytes(), kPage);
  EXPECT_EQ(little.charged, kPage);
  EXPECT_EQ(little.held(), 0u);

  const auto trap = load("grow_then_trap", {.memory_bytes = 1024 * kMiB});
  EXPECT_EQ(run_to_end(*start_paid(*trap, little)).kind, OutcomeKind::kOutOfMemory);
  EXPECT_EQ(little.held(), 0u);
}

TEST_P(EngineConformance, WhatTheLimitRefusesIsNotCharged) {
  CountingAccount account;
  const auto module = load("grow");
  EXPECT_EQ(run_to_end(*start_paid(*module, account)).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(kRefused));
  EXPECT_EQ(account.charged, kPage);
  EXPECT_EQ(account.refusals, 0);
}

TEST_P(EngineConformance, EachThreadHasItsOwnAccount) {
  const auto module = load("grow_then_wait");
  std::atomic<int> exact{0};
  const auto work = [&] {
    harness().engine().prepare_thread();
    CountingAccount account;
    for (int round = 1; round <= 200; ++round) {
      TestState own;
      auto instance = module->instantiate({.state = &own, .memory = &account});
      if (!instance || resume_through_slices(**instance) != Progress::kWaiting) return;
      if (account.held() != 11 * kPage) return;
      own.ready = 1;
      if (round % 2 == 0 && resume_through_slices(**instance) != Progress::kDone) return;
      instance->reset();
      if (account.held() != 0 || account.releases != round) return;
    }
    exact.fetch_add(1);
  };
  std::vector<std::thread> threads;
  for (int count = 0; count < 4; ++count) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(exact.load(), 4);
}

TEST_P(EngineConformance, AllMemoriesAndTablesAreCharged) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  CountingAccount account;
  const auto module = load("memories_and_tables");
  const auto instance = start_paid(*module, account);
  const std::uint64_t beginning = account.held();
  EXPECT_GT(beginning, 6 * kPage);
  EXPECT_LT(beginning, 7 * kPage);
  EXPECT_EQ(beginning, instance->memory_bytes());
  ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  // Three of the growths succeeded; one was of nothing, and one beyond the guest's own maximum.
  EXPECT_THAT(state().notes, ElementsAre(1, 2, 10, 1 + 4, kRefused));
  EXPECT_EQ(account.held(), instance->memory_bytes());
  EXPECT_GT(account.held(), beginning + 12 * kPage);
  EXPECT_LT(account.held(), beginning + 13 * kPage);
  state().ready = 1;
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(account.releases, 1);
}

// The second of two memories does not fit any more.
TEST_P(EngineConformance, ABeginningThatIsRefusedMidwayIsReleased) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  const auto module = load("memories_2000");
  CountingAccount account(1999 * kPage);
  for (std::size_t count = 0; count < 2 * capabilities().most_instances; ++count) {
    const auto instance = module->instantiate({.state = &state(), .memory = &account});
    ASSERT_FALSE(instance.has_value());
    ASSERT_EQ(instance.error().code, ErrorCode::kServerOverloaded);
    ASSERT_EQ(account.held(), 0u);
  }
  EXPECT_EQ(account.charged, 2 * capabilities().most_instances * 1000 * kPage);
  account.most = 2000 * kPage;
  EXPECT_EQ(run_to_end(*start_paid(*module, account)).kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, HeapsOfCollectedObjectsAreCharged) {
  GODWIT_NEEDS(executes_wasm);
  CountingAccount account(4 * kMiB);
  const auto module = load("gc_heap");
  const auto instance = start_paid(*module, account);
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kOutOfMemory);
  EXPECT_GT(account.charged, kMiB);
  EXPECT_GT(account.refusals, 0);
  EXPECT_EQ(account.charged, account.released);
  EXPECT_EQ(account.releases, 1);
}

// Wasmtime reports growths as failed that it never asked for; a guest that provokes them between
// its own growths must not get those for nothing.
TEST_P(EngineConformance, ImpossibleGrowthsOfATableDoNotHideMemory) {
  GODWIT_NEEDS(executes_wasm);
  CountingAccount account;
  const auto module = load("hidden_growth");
  auto instance = start_paid(*module, account);
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  // 1 + 2 * 1000 pages are within the limit of 128 MiB, 3001 are not.
  ASSERT_EQ(state().notes.size(), 20u);
  EXPECT_EQ(state().notes[0], 1u);
  EXPECT_EQ(state().notes[1], 1001u);
  state().notes.erase(state().notes.begin(), state().notes.begin() + 2);
  EXPECT_THAT(state().notes, Each(kRefused));
  EXPECT_GE(account.charged, 2001 * kPage);
  instance.reset();
  EXPECT_EQ(account.charged, account.released);
}

}  // namespace
}  // namespace godwit::engine::conformance
