// Conformance: how runs end, and what crosses between guest and host functions.
#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_P(EngineConformance, RunsToCompletion) {
  const Outcome outcome = run("finish");
  EXPECT_EQ(outcome.kind, OutcomeKind::kFinished);
  EXPECT_TRUE(outcome.success());
}

TEST_P(EngineConformance, NothingRunsBeforeTheFirstResume) {
  const auto module = load("note");
  const auto instance = start(*module);
  EXPECT_THAT(state().notes, IsEmpty());
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(7, 8));
}

TEST_P(EngineConformance, ExitCodesReachTheOutcome) {
  const Outcome zero = run("exit_0");
  EXPECT_EQ(zero.kind, OutcomeKind::kExited);
  EXPECT_EQ(zero.exit_code, 0);
  EXPECT_TRUE(zero.success());
  const Outcome three = run("exit_3");
  EXPECT_EQ(three.kind, OutcomeKind::kExited);
  EXPECT_EQ(three.exit_code, 3);
  EXPECT_FALSE(three.success());
  EXPECT_THAT(state().notes, IsEmpty());
}

TEST_P(EngineConformance, AHostFunctionCanEndTheRun) {
  const Outcome outcome = run("refuse");
  EXPECT_EQ(outcome.kind, OutcomeKind::kTrapped);
  EXPECT_EQ(outcome.trap, Trap::kHost);
  EXPECT_THAT(outcome.detail, HasSubstr("refused by the test"));
}

TEST_P(EngineConformance, EachTrapHasItsKind) {
  GODWIT_NEEDS(executes_wasm);
  const struct {
    const char* scenario;
    Trap trap;
  } cases[] = {
      {"trap_unreachable", Trap::kUnreachable},
      {"trap_memory", Trap::kMemoryOutOfBounds},
      {"trap_table", Trap::kTableOutOfBounds},
      {"trap_null", Trap::kIndirectCallToNull},
      {"trap_signature", Trap::kBadSignature},
      {"trap_overflow", Trap::kIntegerOverflow},
      {"trap_division", Trap::kIntegerDivisionByZero},
      {"trap_conversion", Trap::kBadConversionToInteger},
      {"trap_stack", Trap::kStackOverflow},
      {"trap_segment", Trap::kMemoryOutOfBounds},
      {"start_traps", Trap::kUnreachable},
  };
  for (const auto& test : cases) {
    const Outcome outcome = run(test.scenario);
    EXPECT_EQ(outcome.kind, OutcomeKind::kTrapped) << test.scenario;
    EXPECT_EQ(outcome.trap, test.trap) << test.scenario << ": " << outcome.detail;
    EXPECT_FALSE(outcome.detail.empty()) << test.scenario;
  }
}

TEST_P(EngineConformance, AnUncaughtExceptionIsATrap) {
  GODWIT_NEEDS(exceptions);
  GODWIT_NEEDS(executes_wasm);
  const Outcome outcome = run("trap_exception");
  EXPECT_EQ(outcome.kind, OutcomeKind::kTrapped);
  EXPECT_EQ(outcome.trap, Trap::kUncaughtException);
}

TEST_P(EngineConformance, ATrapNamesTheGuestsFrames) {
  GODWIT_NEEDS(executes_wasm);
  const std::string detail = run("trap_unreachable").detail;
  EXPECT_THAT(detail, HasSubstr("\n  0: inner\n  1: outer\n  2: "));
}

TEST_P(EngineConformance, DetailIsBoundedWhateverTheGuestIsNamed) {
  GODWIT_NEEDS(executes_wasm);
  const std::string name(1 << 20, 'x');
  const std::string text = "(module (func $" + name +
                           " unreachable) (func $\"a\\0ab\\1b[31m\" (call $" + name +
                           ")) (func (export \"_start\") (call $\"a\\0ab\\1b[31m\")))";
  for (const std::size_t limit :
       {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{8192}}) {
    const Limits limits{.detail_bytes = limit};
    auto module = harness().load_text(text, {.host_functions = host_functions(), .limits = limits});
    ASSERT_TRUE(module.has_value()) << module.error().text();
    const Outcome outcome = run_to_end(*start(**module));
    EXPECT_EQ(outcome.trap, Trap::kUnreachable);
    EXPECT_LE(outcome.detail.size(), limit);
    EXPECT_TRUE(is_utf8(outcome.detail));
    EXPECT_EQ(outcome.detail.find('\x1b'), std::string::npos);
  }
}

TEST_P(EngineConformance, DeepStacksReportFewFrames) {
  GODWIT_NEEDS(executes_wasm);
  const std::string detail = run("trap_stack").detail;
  EXPECT_LT(std::count(detail.begin(), detail.end(), '\n'), 64);
  EXPECT_LE(detail.size(), Limits{}.detail_bytes);
}

TEST_P(EngineConformance, ValuesOfAllTypesCross) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("types").kind, OutcomeKind::kFinished);
  const auto bits_32 = [](float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  };
  const auto bits_64 = [](double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  };
  EXPECT_THAT(state().notes,
              ElementsAre(0xffffffff, 2, bits_32(1.5F), bits_64(-2.5), 1, 1, 1, 1, 1));
}

TEST_P(EngineConformance, ManyArgumentsCrossAlsoAfterAWait) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = load("nine");
  const auto instance = start(*module);
  ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  state().ready = 1;
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(1, 2, 3, 4, 5, 0x600000006, static_cast<std::uint64_t>(-7),
                                         8, 0xfffffff7, 9));
  EXPECT_EQ(state().wait_calls, 3);
}

TEST_P(EngineConformance, HostFunctionsSeeMemoryAsItIsNow) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("memory").kind, OutcomeKind::kFinished);
  EXPECT_EQ(state().text, "hello");
  EXPECT_THAT(state().notes, ElementsAre(1, 1, 33, 1, 0, 0, 0, 0, 0, 65536, 1, 131072, 1, 65));
}

TEST_P(EngineConformance, WithoutAnExportedMemoryItsSizeIsZero) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("no_memory").kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(0, 1, 0));
  state().notes.clear();
  EXPECT_EQ(run("hidden_memory").kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(0));
}

TEST_P(EngineConformance, AStartFunctionRunsFirstAndMayCallAndWait) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = load("start");
  const auto instance = start(*module);
  EXPECT_THAT(state().notes, IsEmpty());
  ASSERT_EQ(resume_through_slices(*instance), Progress::kWaiting);
  EXPECT_EQ(state().text, "ready");
  state().ready = 1;
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(1, 8, 2));
}

TEST_P(EngineConformance, AnImportCanBeTheStartFunctionOrTheEntry) {
  GODWIT_NEEDS(executes_wasm);
  for (const char* scenario : {"start_imported", "entry_imported"}) {
    const Outcome outcome = run(scenario);
    EXPECT_EQ(outcome.kind, OutcomeKind::kTrapped) << scenario;
    EXPECT_EQ(outcome.trap, Trap::kHost) << scenario;
  }
}

TEST_P(EngineConformance, TheEntryIsChosenByName) {
  const auto module = load("other_entry");
  EXPECT_EQ(run_to_end(*start(*module, "run")).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(5));
  for (const std::string_view missing :
       {std::string_view("_start"), std::string_view("wrong"), std::string_view("global"),
        std::string_view("ru"), std::string_view(""), std::string_view("\xff\xfe")}) {
    const auto instance = module->instantiate({.state = &state(), .entry = missing});
    ASSERT_FALSE(instance.has_value()) << missing;
    EXPECT_EQ(instance.error().code, ErrorCode::kNoContract);
  }
}

TEST_P(EngineConformance, DeepRecursionIntoHostFunctionsHasTheStackItNeeds) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("recursion").kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(1000));
}

TEST_P(EngineConformance, HostFunctionsAtTheStacksEndStillRun) {
  GODWIT_NEEDS(executes_wasm);
  const Outcome outcome = run("recursion_without_end");
  EXPECT_EQ(outcome.kind, OutcomeKind::kTrapped);
  EXPECT_EQ(outcome.trap, Trap::kStackOverflow);
  ASSERT_EQ(state().notes.size(), 1u);
  EXPECT_GT(state().notes[0], 1000u);
}

}  // namespace
}  // namespace godwit::engine::conformance
