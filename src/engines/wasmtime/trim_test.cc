// What a trim gives back, and that nobody notices it: not instances of before, not those that are
// made meanwhile, not modules that come and go.
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "engine/conformance.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"

namespace godwit::engines::wasmtime {
namespace {

using engine::OutcomeKind;
using engine::Progress;
using engine::conformance::CountingAccount;
using engine::conformance::resident_bytes;
using engine::conformance::resume_through_slices;
using engine::conformance::run_to_end;
using engine::conformance::scenario_text;
using engine::conformance::TestState;
using testing::ElementsAre;

// Notes whether anything in two pages and its table is not as new (0), its global (7) and a byte of
// its data ('s'). Makes 2 MiB dirty, the table, the global and some stack; waits; then notes a byte
// (165) and the global (9) that it left.
constexpr std::string_view kTouches = R"((module
  (import "test" "note" (func $note (param i32)))
  (import "test" "wait" (func $wait (param i32) (result i32)))
  (memory (export "memory") 17) (table $t 500 funcref) (global $g (mut i32) (i32.const 7))
  (data (i32.const 1048576) "some data of the program")
  (elem declare func $f) (func $f)
  (func $deep (param i32)
    (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
  (func $any (result i32) (local $i i32) (local $any i32)
    (loop $l (local.set $any (i32.or (local.get $any) (i32.load (local.get $i))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4)))
                          (i32.const 131072))))
    (local.get $any))
  (func (export "_start")
    (call $note (i32.or (call $any) (i32.eqz (ref.is_null (table.get $t (i32.const 400))))))
    (call $note (global.get $g))
    (call $note (i32.load8_u (i32.const 1048576)))
    (call $deep (i32.const 2000)) (drop (memory.grow (i32.const 15)))
    (memory.fill (i32.const 0) (i32.const 165) (i32.const 2097152))
    (table.fill $t (i32.const 0) (ref.func $f) (i32.const 500))
    (global.set $g (i32.const 9))
    (drop (call $wait (i32.const 1)))
    (call $note (i32.load8_u (i32.const 2097151))) (call $note (global.get $g)))))";

std::unique_ptr<engine::Engine> make_engine(std::uint32_t instances) {
  auto engine = create_engine({.instances = instances});
  CHECK(engine.has_value(), engine.error().text());
  return *std::move(engine);
}

Bytes compile(const engine::Engine& engine, std::string_view text) {
  const auto binary = text_to_binary(text);
  CHECK(binary.has_value(), binary.error().text());
  auto code = engine.compile(*binary);
  CHECK(code.has_value(), code.error().text());
  return *std::move(code);
}

std::shared_ptr<const engine::Module> load(const engine::Engine& engine, ByteSpan code) {
  auto module = engine.load(engine::conformance::seal(code),
                            {.host_functions = engine::conformance::host_functions()});
  CHECK(module.has_value(), module.error().text());
  return *std::move(module);
}

std::unique_ptr<engine::Instance> start(const engine::Module& module, TestState& state,
                                        engine::MemoryAccount* account = nullptr) {
  auto instance = module.instantiate({.state = &state, .memory = account});
  CHECK(instance.has_value(), instance.error().text());
  return *std::move(instance);
}

// Many at once, each of which has touched what it has.
void burst(const engine::Module& module, int instances) {
  TestState state;
  std::vector<std::unique_ptr<engine::Instance>> running;
  for (int count = 0; count < instances; ++count) {
    state.notes.clear();
    running.push_back(start(module, state));
    ASSERT_EQ(resume_through_slices(*running.back()), Progress::kWaiting);
    ASSERT_THAT(state.notes, ElementsAre(0, 7, 's')) << count;
  }
}

#ifdef GODWIT_SANITIZED
constexpr int kInstances = 20;
constexpr bool kCountsResident = false;  // a sanitizer's own memory grows
constexpr int kTrims = 5;
#else
constexpr int kInstances = 400;
constexpr bool kCountsResident = true;
constexpr int kTrims = 40;
#endif

TEST(WasmtimeTrim, ABurstIsGivenBack) {
  const auto engine = make_engine(512);
  engine->prepare_thread();
  const auto module = load(*engine, compile(*engine, kTouches));
  burst(*module, 1);
  EXPECT_GT(engine->trim(), 0u);
  malloc_trim(0);
  const std::uint64_t before = resident_bytes();
  for (int round = 0; round < 3; ++round) {
    burst(*module, kInstances);
    const std::uint64_t idle_bytes = engine->idle_bytes();
    EXPECT_GT(idle_bytes, std::uint64_t{kInstances} * 128 * 1024);
    const std::uint64_t after = resident_bytes();
    EXPECT_EQ(engine->trim(), idle_bytes);
    EXPECT_EQ(engine->idle_bytes(), 0u);
    malloc_trim(0);
    if (!kCountsResident) continue;
    EXPECT_GT(after, before + std::uint64_t{kInstances} * 128 * 1024);
    EXPECT_LE(resident_bytes(), before + before / 20);
  }
}

TEST(WasmtimeTrim, WithoutAnythingToGiveBackNothingHappens) {
  const auto engine = make_engine(8);
  EXPECT_EQ(engine->idle_bytes(), 0u);
  EXPECT_EQ(engine->trim(), 0u);
  auto compiler = create_engine({.role = Role::kCompiler});
  ASSERT_TRUE(compiler.has_value());
  EXPECT_EQ((*compiler)->trim(), 0u);
  EXPECT_EQ((*compiler)->idle_bytes(), 0u);
}

TEST(WasmtimeTrim, InstancesOfBeforeGoOn) {
  const auto engine = make_engine(8);
  engine->prepare_thread();
  const auto touches = load(*engine, compile(*engine, kTouches));
  const auto loop = load(*engine, compile(*engine, scenario_text("loop")));
  TestState state;
  TestState looping;
  CountingAccount account;
  auto waiting = start(*touches, state, &account);
  ASSERT_EQ(resume_through_slices(*waiting), Progress::kWaiting);
  auto endless = start(*loop, looping, &account);
  ASSERT_EQ(endless->resume(), Progress::kYielded);
  burst(*touches, 2);
  const std::uint64_t held = account.held();
  EXPECT_GT(engine->trim(), 0u);
  EXPECT_EQ(account.held(), held);
  // Slices end in both generations.
  auto young = start(*loop, looping);
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(endless->resume(), Progress::kYielded);
    ASSERT_EQ(young->resume(), Progress::kYielded);
  }
  state.ready = 1;
  EXPECT_EQ(run_to_end(*waiting).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state.notes, ElementsAre(0, 7, 's', 165, 9));
  waiting.reset();
  endless.reset();
  EXPECT_EQ(account.held(), 0u);
  // Now the generation of before goes, without another trim.
  burst(*touches, 1);
  EXPECT_LT(engine->idle_bytes(), std::uint64_t{1} << 20);
}

// What is kept beside an instance that does not end is given back nearly as well.
TEST(WasmtimeTrim, AnInstanceThatStaysHoldsLittle) {
  if (!kCountsResident) GTEST_SKIP() << "a sanitizer's own memory grows";
  const auto engine = make_engine(512);
  engine->prepare_thread();
  const auto module = load(*engine, compile(*engine, kTouches));
  TestState state;
  auto stays = start(*module, state);
  ASSERT_EQ(resume_through_slices(*stays), Progress::kWaiting);
  const std::uint64_t before = resident_bytes();
  burst(*module, kInstances);
  EXPECT_GT(resident_bytes(), before + std::uint64_t{kInstances} * 160 * 1024);
  EXPECT_GT(engine->trim(), 0u);
  malloc_trim(0);
  // Not the stacks and tables, and the memories of a few places.
  EXPECT_LT(resident_bytes(), before + std::uint64_t{kInstances} * 96 * 1024);
  burst(*module, 10);
  state.ready = 1;
  EXPECT_EQ(run_to_end(*stays).kind, OutcomeKind::kFinished);
  EXPECT_THAT(state.notes, ElementsAre(0, 7, 's', 165, 9));
  stays.reset();
  EXPECT_GT(engine->trim(), 0u);
  malloc_trim(0);
  EXPECT_LT(resident_bytes(), before + before / 20);
}

// An instance of before makes its heap of collected objects after the trim.
TEST(WasmtimeTrim, AnInstanceOfBeforeMayStillNeedMemory) {
  const auto engine = make_engine(8);
  engine->prepare_thread();
  const auto module = load(*engine, compile(*engine, R"((module
    (import "test" "wait" (func $wait (param i32) (result i32)))
    (import "test" "note" (func $note (param i32))) (memory (export "memory") 1)
    (type $a (array (mut i64)))
    (func (export "_start") (drop (call $wait (i32.const 1)))
      (call $note (array.len (array.new $a (i64.const 1) (i32.const 100000))))
      (call $note (memory.grow (i32.const 100))))))"));
  std::vector<std::unique_ptr<engine::Instance>> waiting;
  TestState state;
  for (int count = 0; count < 8; ++count) {
    waiting.push_back(start(*module, state));
    ASSERT_EQ(resume_through_slices(*waiting.back()), Progress::kWaiting);
  }
  burst(*load(*engine, compile(*engine, kTouches)), 0);
  waiting.pop_back();
  EXPECT_GT(engine->trim(), 0u);
  for (const auto& each : waiting) {
    state.ready = 1;
    state.notes.clear();
    ASSERT_EQ(run_to_end(*each).kind, OutcomeKind::kFinished);
    ASSERT_THAT(state.notes, ElementsAre(100000, 1));
  }
}

// Instances that do not end bound how often there is a new generation; then it goes on.
TEST(WasmtimeTrim, GenerationsAreFew) {
  const auto engine = make_engine(8);
  engine->prepare_thread();
  const auto module = load(*engine, compile(*engine, kTouches));
  std::vector<std::unique_ptr<engine::Instance>> staying;
  TestState state;
  int trims = 0;
  for (int round = 0; round < 6; ++round) {
    staying.push_back(start(*module, state));
    ASSERT_EQ(resume_through_slices(*staying.back()), Progress::kWaiting);
    burst(*module, 1);
    if (engine->trim() > 0) ++trims;
  }
  EXPECT_EQ(trims, 2);
  staying.clear();
  burst(*module, 1);
  EXPECT_GT(engine->trim(), 0u);
  burst(*module, 8);
}

// There is no room for a new generation: what is, stays, and works.
TEST(WasmtimeTrim, WhatFailsChangesNothing) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "a sanitizer needs address space of its own";
#else
  const auto engine = make_engine(8);
  engine->prepare_thread();
  const auto module = load(*engine, compile(*engine, kTouches));
  burst(*module, 3);
  const std::uint64_t idle_bytes = engine->idle_bytes();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  const rlimit little{.rlim_cur = std::uint64_t{1} << 30, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &little), 0);
  const std::uint64_t trimmed = engine->trim();
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(trimmed, 0u);
  EXPECT_EQ(engine->idle_bytes(), idle_bytes);
  burst(*module, 8);
  EXPECT_GT(engine->trim(), 0u);
#endif
}

// Threads that run instances, one that loads and drops modules, and trims without a pause.
TEST(WasmtimeTrim, NobodyNoticesTrims) {
  const auto engine = make_engine(64);
  const Bytes code = compile(*engine, kTouches);
  const auto shared = load(*engine, code);
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::atomic<int> runs{0};
  const auto visit = [&](const engine::Module& module, CountingAccount& account) {
    TestState state;
    auto instance = start(module, state, &account);
    bool right = resume_through_slices(*instance) == Progress::kWaiting &&
                 state.notes == std::vector<std::uint64_t>{0, 7, 's'};
    state.ready = 1;
    right = right && resume_through_slices(*instance) == Progress::kDone &&
            instance->take_outcome().kind == OutcomeKind::kFinished &&
            state.notes == std::vector<std::uint64_t>{0, 7, 's', 165, 9};
    instance.reset();
    if (!right || account.held() != 0) wrong.fetch_add(1);
    runs.fetch_add(1);
  };
  std::vector<std::thread> threads;
  for (int count = 0; count < 3; ++count) {
    threads.emplace_back([&] {
      engine->prepare_thread();
      CountingAccount account;
      while (!over.load()) visit(*shared, account);
    });
  }
  threads.emplace_back([&] {
    engine->prepare_thread();
    CountingAccount account;
    while (!over.load()) visit(*load(*engine, code), account);
  });
  for (int trims = 0; trims < kTrims || runs.load() < 100;) {
    if (engine->trim() > 0) ++trims;
  }
  over.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace godwit::engines::wasmtime
