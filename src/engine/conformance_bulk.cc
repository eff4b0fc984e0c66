// Conformance: one instruction that works on much memory holds nobody up.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <gmock/gmock.h>

#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A guest that repeats one instruction for ever, with a note before and one after it: while their
// number is odd, it is inside.
std::string endless(std::string_view definitions, std::string_view instruction) {
  return R"((module (import "test" "note" (func $note (param i32))))" + std::string(definitions) +
         R"((func (export "_start") (local $n i32)
    (local.set $n (i32.const 125829120))
    (loop $again (call $note (i32.const 1)) )" +
         std::string(instruction) + "(call $note (i32.const 2)) (br $again))))";
}

// How often a guest was interrupted inside one and the same instruction. Entering it may be an
// interruption (the engine may look at the clock there), so 1 says nothing.
std::size_t interruptions(Instance& instance, const TestState& state) {
  std::size_t most = 0;
  std::size_t count = 0;
  std::size_t notes = 0;
  for (int slice = 0; slice < 3000 && most < 2; ++slice) {
    if (instance.resume() != Progress::kYielded) break;
    if (state.notes.size() != notes) count = 0;
    notes = state.notes.size();
    if (notes % 2 == 1) most = std::max(most, ++count);
  }
  return most;
}

constexpr std::string_view kMemory = "(memory 1920)";
constexpr std::string_view kArrays = R"((type $a (array (mut anyref)))
    (global $x (ref $a) (array.new_default $a (i32.const 2000000)))
    (global $y (ref $a) (array.new_default $a (i32.const 2000000))))";

struct BulkCase {
  std::string_view name;
  std::string_view definitions;
  std::string_view instruction;
};

constexpr BulkCase kCases[] = {
    {"fill", kMemory, "(memory.fill (i32.const 0) (i32.const 1) (local.get $n))"},
    {"fill a constant size", kMemory,
     "(memory.fill (i32.const 0) (i32.const 1) (i32.const 125829120))"},
    {"fill, 64-bit memory", "(memory i64 1920)",
     "(memory.fill (i64.const 0) (i32.const 1) (i64.extend_i32_u (local.get $n)))"},
    {"copy downwards", kMemory,
     "(memory.copy (i32.const 0) (i32.const 7) (i32.sub (local.get $n) (i32.const 7)))"},
    {"copy upwards", kMemory,
     "(memory.copy (i32.const 7) (i32.const 0) (i32.sub (local.get $n) (i32.const 7)))"},
    {"array.fill", kArrays,
     "(array.fill $a (global.get $x) (i32.const 0) (global.get $y)"
     " (i32.shr_u (local.get $n) (i32.const 6)))"},
    {"array.copy", kArrays,
     "(array.copy $a $a (global.get $y) (i32.const 0) (global.get $x) (i32.const 0)"
     " (i32.shr_u (local.get $n) (i32.const 6)))"},
};

TEST_P(EngineConformance, ALargeBulkInstructionIsInterruptedInside) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(time_slices);
  for (const BulkCase& test : kCases) {
    state().notes.clear();
    const auto module = harness().load_text(endless(test.definitions, test.instruction),
                                            {.host_functions = host_functions()});
    ASSERT_TRUE(module.has_value()) << test.name << ": " << module.error().text();
    const auto instance = start(**module);
    EXPECT_GE(interruptions(*instance, state()), 2u) << test.name;
    // It is cancelled inside, or close to it.
  }
}

TEST_P(EngineConformance, ALargeBulkInstructionTrapsAsASmallOne) {
  GODWIT_NEEDS(executes_wasm);
  const auto module = harness().load_text(
      R"((module (memory 1920) (func $wipe (param i32)
        (memory.fill (i32.const 1) (i32.const 0) (local.get 0)))
      (func $serve (export "_start") (call $wipe (i32.const 125829120)))))",
      {.host_functions = host_functions()});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  const Outcome outcome = run_to_end(*start(**module));
  EXPECT_EQ(outcome.kind, OutcomeKind::kTrapped);
  EXPECT_EQ(outcome.trap, Trap::kMemoryOutOfBounds);
  EXPECT_THAT(outcome.detail,
              AllOf(HasSubstr("0: wipe"), HasSubstr("1: serve"), Not(HasSubstr("<function"))));
}

// The engine may add functions of its own: an index beyond the guest's stays invalid.
TEST_P(EngineConformance, WhatIsAddedToAModuleCannotBeNamed) {
  GODWIT_NEEDS(executes_wasm);
  const auto compiled = harness().compile_text(
      R"((module (memory 1)
        (func (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
        (export "_start" (func 1))))");
  ASSERT_FALSE(compiled.has_value());
  EXPECT_EQ(compiled.error().code, ErrorCode::kModuleMalformed);
}

TEST_P(EngineConformance, WhatInstantiationDoesAtOnceIsBounded) {
  GODWIT_NEEDS(executes_wasm);
  std::string elements = "(module (func $f (export \"_start\")) (elem func";
  for (int count = 0; count < 70'000; ++count) elements += " $f";
  for (const std::string& text :
       {elements + "))", std::string("(module (type $a (array i8)) (func (export \"_start\"))"
                                     "(global (ref $a) (array.new_default $a"
                                     " (i32.const 100000000))))")}) {
    const auto compiled = harness().compile_text(text);
    ASSERT_FALSE(compiled.has_value());
    EXPECT_EQ(compiled.error().code, ErrorCode::kUnsupportedFeature);
  }
}

}  // namespace
}  // namespace godwit::engine::conformance
