// Conformance: no state goes from one instance to the next. Guests of several shapes look at all
// they are given (memories, grown memory, tables, globals, locals, new objects), tell what is not
// as new, and leave canaries everywhere; their places are used again 100,000 times, with other
// shapes and other endings, and trims in between.
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "base/check.h"
#include "engine/conformance.h"
#include "engine/conformance_canaries.h"

namespace godwit::engine::conformance {
namespace {

using testing::ElementsAre;

#ifdef GODWIT_SANITIZED
constexpr int kReuses = 3'000;
#else
constexpr int kReuses = 100'000;
#endif
constexpr int kParts = 4;  // tests that share the reuses
constexpr int kTrims = 4;  // in each
// Modules of each shape: more than the places that an engine keeps for modules, so that places
// change hands.
constexpr int kCopies = 12;
// Instances that are kept waiting, so that places are not taken in order.
constexpr std::size_t kWaiting = 12;

constexpr std::uint64_t kShedBytes = std::uint64_t{1} << 20;

struct Visitor {
  const Shape* shape;
  std::shared_ptr<const Module> module;
};

// `copies` modules of each shape.
std::vector<Visitor> load_visitors(Harness& harness, int copies) {
  std::vector<Visitor> visitors;
  for (const Shape& shape : shapes()) {
    const auto code = harness.compile_text(text_of(shape));
    CHECK(code.has_value(), shape.name, code.error().text());
    for (int copy = 0; copy < copies; ++copy) {
      auto module = harness.engine().load(seal(*code), {.host_functions = host_functions()});
      CHECK(module.has_value(), shape.name, module.error().text());
      visitors.push_back({&shape, *std::move(module)});
    }
  }
  return visitors;
}

TEST_P(EngineConformance, TheGuestsThatLookForCanariesFindThem) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  for (const Visitor& visitor : load_visitors(harness(), 1)) {
    state().notes.clear();
    ASSERT_EQ(run_to_end(*start(*visitor.module, "again")).kind, OutcomeKind::kFinished);
    EXPECT_THAT(state().notes, ElementsAre(0, dirty_bits(*visitor.shape))) << visitor.shape->name;
  }
}

// A part of all reuses, in an order of its own; tests of their own so that they run side by side.
void reuse(Harness& harness, std::uint64_t random) {
  const std::vector<Visitor> visitors = load_visitors(harness, kCopies);
  std::vector<const Visitor*> order;
  for (const Visitor& visitor : visitors) {
    order.insert(order.end(), visitor.shape->weight, &visitor);
  }
  constexpr std::array<std::string_view, 8> kEntriesInTurn{"_start", "waits",  "_start", "traps",
                                                           "waits",  "_start", "exits",  "waits"};
  TestState state;
  std::array<std::unique_ptr<Instance>, kWaiting> waiting;
  for (int round = 1; round <= kReuses / kParts; ++round) {
    random ^= random << 13;  // xorshift; the same in every run
    random ^= random >> 7;
    random ^= random << 17;
    const Visitor& visitor = *order[random % order.size()];
    state.notes.clear();
    auto instance = visitor.module->instantiate(
        {.state = &state, .entry = kEntriesInTurn[(random >> 32) % kEntriesInTurn.size()]});
    ASSERT_TRUE(instance.has_value()) << instance.error().text();
    const Progress progress = resume_through_slices(**instance);
    ASSERT_THAT(state.notes, ElementsAre(0)) << visitor.shape->name << ", round " << round;
    if (progress == Progress::kWaiting) {
      std::swap(waiting[(random >> 40) % kWaiting], *instance);
    }
    // Large ones, in any of these states, are given back in whole, in part, or not.
    const std::uint64_t steps = (random >> 48) % 8;
    for (std::uint64_t step = 0; *instance != nullptr && step < steps; ++step) {
      if (!(*instance)->shed(kShedBytes)) break;
    }
    if (round % (kReuses / kParts / kTrims) == 0) harness.engine().trim();
  }
}

TEST_P(EngineConformance, NoCanaryOutlivesItsInstance) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  reuse(harness(), 88172645463325252);
}

TEST_P(EngineConformance, NoCanaryOutlivesItsInstanceAgain) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  reuse(harness(), 362436069521288629);
}

TEST_P(EngineConformance, NoCanaryOutlivesItsInstanceInAThirdOrder) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  reuse(harness(), 123456789987654321);
}

TEST_P(EngineConformance, NoCanaryOutlivesItsInstanceInAFourthOrder) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  reuse(harness(), 5783321573241996019);
}

}  // namespace
}  // namespace godwit::engine::conformance
