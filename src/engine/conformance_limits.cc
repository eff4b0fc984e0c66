// Conformance: memory limits, isolation between instances, what a load refuses.
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kRefused = 0xffffffff;  // memory.grow's and table.grow's -1
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST_P(EngineConformance, ARefusedGrowthReturnsMinusOne) {
  const Outcome outcome = run("grow");
  EXPECT_EQ(outcome.kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(kRefused));
}

TEST_P(EngineConformance, AGrowthWithinTheLimitSucceeds) {
  const auto module = load("grow", {.memory_bytes = 1024 * kMiB});
  const auto instance = start(*module);
  EXPECT_EQ(instance->memory_bytes(), 65536u);
  EXPECT_EQ(run_to_end(*instance).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(1));
  EXPECT_EQ(instance->memory_bytes(), 10001u * 65536u);
}

TEST_P(EngineConformance, WhoFailsAfterARefusedGrowthIsOutOfMemory) {
  EXPECT_EQ(run("grow_then_trap").kind, OutcomeKind::kOutOfMemory);
  const Outcome exited = run("grow_then_exit_4");
  EXPECT_EQ(exited.kind, OutcomeKind::kOutOfMemory);
  EXPECT_EQ(exited.exit_code, 4);
  EXPECT_EQ(run("grow_then_exit_0").kind, OutcomeKind::kExited);
  EXPECT_THAT(state().notes, ElementsAre(kRefused, kRefused, kRefused));
}

TEST_P(EngineConformance, InitialMemoryUpToTheLimit) {
  EXPECT_EQ(run("memory_2048").kind, OutcomeKind::kFinished);
  EXPECT_EQ(load_error("memory_2049").code, ErrorCode::kMemoryMinimum);
  EXPECT_EQ(run("memory_2049", {.memory_bytes = 129 * kMiB}).kind, OutcomeKind::kFinished);
}

TEST_P(EngineConformance, SeveralMemoriesCountTogether) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  EXPECT_EQ(run("memories_2000").kind, OutcomeKind::kFinished);
  EXPECT_EQ(load_error("memories_2049").code, ErrorCode::kMemoryMinimum);
}

TEST_P(EngineConformance, TablesCountToo) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("table_grow").kind, OutcomeKind::kOutOfMemory);
  EXPECT_THAT(state().notes, ElementsAre(kRefused));
}

TEST_P(EngineConformance, AGuestsOwnMaximumIsNotOurLimit) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("own_maximum").kind, OutcomeKind::kTrapped);
  EXPECT_THAT(state().notes, ElementsAre(kRefused));
}

TEST_P(EngineConformance, GarbageCollectedHeapsCountToo) {
  GODWIT_NEEDS(executes_wasm);
  EXPECT_EQ(run("gc_heap", {.memory_bytes = 4 * kMiB}).kind, OutcomeKind::kOutOfMemory);
}

TEST_P(EngineConformance, InstancesShareNothing) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = load("dirty");
  const auto trapping = load("dirty_trap");
  for (int round = 0; round < 50; ++round) {
    state().notes.clear();
    ASSERT_EQ(run_to_end(*start(*module)).kind, OutcomeKind::kFinished);
    ASSERT_THAT(state().notes, ElementsAre(0, 0, 42, 3)) << round;
    state().notes.clear();
    ASSERT_EQ(run_to_end(*start(*trapping)).kind, OutcomeKind::kTrapped);
    ASSERT_THAT(state().notes, ElementsAre(0, 42)) << round;
  }
}

TEST_P(EngineConformance, InstancesThatLiveAtOnceShareNothing) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = load("dirty");
  const auto first = start(*module);
  const auto second = start(*module);
  EXPECT_EQ(run_to_end(*first).kind, OutcomeKind::kFinished);
  EXPECT_EQ(run_to_end(*second).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(0, 0, 42, 3, 0, 0, 42, 3));
}

TEST_P(EngineConformance, UnknownImportsAreNamed) {
  const Error error = load_error("unknown_imports");
  EXPECT_EQ(error.code, ErrorCode::kUnknownImport);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("nothing.such"), HasSubstr("test.none")));
}

TEST_P(EngineConformance, AWrongSignatureNamesBothTypes) {
  const Error error = load_error("wrong_signature");
  EXPECT_EQ(error.code, ErrorCode::kImportSignature);
  EXPECT_THAT(error.detail,
              AllOf(HasSubstr("test.note"), HasSubstr("(i64) -> (f32)"), HasSubstr("(i32) -> ()")));
}

TEST_P(EngineConformance, ManyUnknownImportsMakeABoundedText) {
  GODWIT_NEEDS(executes_wasm);
  std::string text = "(module ";
  for (int index = 0; index < 5000; ++index) {
    text += "(import \"m\" \"" + std::string(500, 'n') + std::to_string(index) + "\" (func))";
  }
  text += ")";
  const auto module = harness().load_text(text, {.host_functions = host_functions()});
  ASSERT_FALSE(module.has_value());
  EXPECT_EQ(module.error().code, ErrorCode::kUnknownImport);
  EXPECT_LE(module.error().detail.size(), 16u * 1024);
}

TEST_P(EngineConformance, ImportingAFunctionTwiceIsFine) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = harness().load_text(
      R"((module (import "test" "note" (func $a (param i32)))
        (import "test" "note" (func $b (param i32)))
        (func (export "_start") (call $a (i32.const 1)) (call $b (i32.const 2)))))",
      {.host_functions = host_functions()});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  EXPECT_EQ(run_to_end(*start(**module)).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state().notes, ElementsAre(1, 2));
}

TEST_P(EngineConformance, MoreThanThePoolHoldsIsRefusedAtLoad) {
  GODWIT_NEEDS(executes_wasm);
  std::string memories = "(module (func (export \"_start\"))";
  std::string tables = memories;
  for (int count = 0; count < 50; ++count) {
    memories += "(memory 0)";
    tables += "(table 0 funcref)";
  }
  for (const std::string& text : {memories + ")", tables + ")"}) {
    const auto module = harness().load_text(text, {.host_functions = host_functions()});
    ASSERT_FALSE(module.has_value());
    EXPECT_EQ(module.error().code, ErrorCode::kUnsupportedFeature);
  }
  const auto table = harness().load_text("(module (table 20000000 funcref))",
                                         {.host_functions = host_functions()});
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, ErrorCode::kMemoryMinimum);
}

TEST_P(EngineConformance, CompileErrorsAreToldApart) {
  GODWIT_NEEDS(executes_wasm);
  const Engine& engine = harness().engine();
  for (const std::string_view bad : {std::string_view(""), std::string_view("not wasm"),
                                     std::string_view("\0asm\1\0\0\0\x01\x7f", 10)}) {
    const auto compiled = engine.compile(as_bytes(bad));
    ASSERT_FALSE(compiled.has_value());
    EXPECT_EQ(compiled.error().code, ErrorCode::kModuleMalformed);
  }
  for (const std::string_view text :
       {"(module (memory 1 1 shared))", "(module (func try nop catch_all end))"}) {
    const auto compiled = harness().compile_text(text);
    ASSERT_FALSE(compiled.has_value());
    EXPECT_EQ(compiled.error().code, ErrorCode::kUnsupportedFeature) << text;
  }
}

TEST_P(EngineConformance, WhatIsNoArtifactDoesNotLoad) {
  GODWIT_NEEDS(executes_wasm);
  const LoadOptions options{.host_functions = host_functions()};
  auto code = harness().compile_text(scenario_text("finish"));
  ASSERT_TRUE(code.has_value());
  // Not an artifact; empty; cut off; of another size than said; no descriptor.
  Bytes cut(code->begin(), code->begin() + 100);
  Artifact wrong_size = seal(*code);
  wrong_size.size -= 1;
  Artifact artifacts[] = {seal(as_bytes("hello")), seal({}), seal(cut), std::move(wrong_size),
                          Artifact{}};
  for (Artifact& artifact : artifacts) {
    const auto module = harness().engine().load(std::move(artifact), options);
    ASSERT_FALSE(module.has_value());
    EXPECT_EQ(module.error().code, ErrorCode::kArtifactInvalid);
  }
}

TEST_P(EngineConformance, TheFingerprintIsStable) {
  const auto other = GetParam().make();
  EXPECT_FALSE(harness().engine().fingerprint().empty());
  EXPECT_EQ(harness().engine().fingerprint(), other->engine().fingerprint());
}

}  // namespace
}  // namespace godwit::engine::conformance
