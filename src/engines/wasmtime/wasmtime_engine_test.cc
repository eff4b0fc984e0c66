#include "engines/wasmtime/wasmtime_engine.h"

#include <array>
#include <memory>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/conformance.h"
#include "engines/wasmtime/text.h"

namespace godwit::engines::wasmtime {
namespace {

using engine::conformance::CompilingHarness;
using engine::conformance::HarnessFactory;

std::unique_ptr<engine::Engine> make_engine(const WasmtimeOptions& options) {
  auto engine = create_engine(options);
  EXPECT_TRUE(engine.has_value()) << engine.error().text();
  return engine ? *std::move(engine) : nullptr;
}

// Slices are short: a guest is interrupted in the midst of everything, on a fast machine too.
HarnessFactory factory() {
  return {"wasmtime", [] {
            return std::make_unique<CompilingHarness>(
                make_engine({.instances = 640, .slice = std::chrono::microseconds(50)}),
                &text_to_binary);
          }};
}

}  // namespace
}  // namespace godwit::engines::wasmtime

namespace godwit::engine::conformance {
INSTANTIATE_TEST_SUITE_P(Wasmtime, EngineConformance, testing::Values(engines::wasmtime::factory()),
                         harness_name);
}  // namespace godwit::engine::conformance

namespace godwit::engines::wasmtime {
namespace {

using engine::conformance::resume_through_slices;
using engine::conformance::run_to_end;
using engine::conformance::scenario_text;
using engine::conformance::seal;
using engine::conformance::TestState;

Bytes binary(std::string_view text) {
  auto bytes = text_to_binary(text);
  EXPECT_TRUE(bytes.has_value()) << bytes.error().text();
  return bytes ? *std::move(bytes) : Bytes{};
}

TEST(WasmtimeEngine, ACompilersArtifactRunsInARuntime) {
  const auto compiler = make_engine({.role = Role::kCompiler});
  const auto runtime = make_engine({.instances = 8});
  EXPECT_EQ(compiler->fingerprint(), runtime->fingerprint());
  const auto code = compiler->compile(binary(scenario_text("note")));
  ASSERT_TRUE(code.has_value()) << code.error().text();
  const auto module =
      runtime->load(seal(*code), {.host_functions = engine::conformance::host_functions()});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  TestState state;
  auto instance = (*module)->instantiate({.state = &state});
  ASSERT_TRUE(instance.has_value());
  EXPECT_EQ(run_to_end(**instance).kind, engine::OutcomeKind::kFinished);
  EXPECT_THAT(state.notes, testing::ElementsAre(7, 8));
}

TEST(WasmtimeEngine, ACompilerDoesNotLoad) {
  const auto compiler = make_engine({.role = Role::kCompiler});
  const auto code = compiler->compile(binary(scenario_text("finish")));
  ASSERT_TRUE(code.has_value());
  EXPECT_FALSE(compiler->load(seal(*code), {}).has_value());
}

// The compile child runs under RLIMIT_AS of 2 GiB, and its fingerprint is the server's.
TEST(WasmtimeEngine, ACompilerFitsIntoLittleAddressSpaceAndAnotherProcess) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "a sanitizer's shadow memory does not fit into the limit";
#else
  const std::string expected = make_engine({.role = Role::kCompiler})->fingerprint();
  const Bytes wasm = binary(scenario_text("memory"));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{std::uint64_t{2} << 30, std::uint64_t{2} << 30};
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(2);
    const auto compiler = create_engine({.role = Role::kCompiler});
    if (!compiler) _exit(3);
    if ((*compiler)->fingerprint() != expected) _exit(4);
    _exit((*compiler)->compile(wasm).has_value() ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
#endif
}

// What an altered or foreign artifact meets here, below the registry's HMAC.
std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(WasmtimeEngine, AComponentBeyondABoundHearsWhichAndWhatToDo) {
  const auto engine = make_engine({.instances = 8});
  struct Row {
    std::string text, detail, hint;
  };
  const std::string empty = "(core module $m)";
  const std::string memory = "(core module $m (memory 0))";
  const std::string table = "(core module $m (table 0 funcref) (table 0 funcref))";
  const std::string made = "(core instance (instantiate $m))";
  const Row rows[] = {
      {empty + repeated(made, 65), "contains 65 core module instances", "holds 64 core instances"},
      {memory + repeated(made, 60), "contains 60 Wasm linear memories", "share a memory"},
      {table + repeated(made, 30), "contains 60 tables", "link its modules into one"},
      {"(import \"m\" (core module $m))" + made, "a core module from outside", "Compose it with"}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.detail);
    const auto code = engine->compile(binary("(component " + row.text + ")"));
    ASSERT_TRUE(code.has_value()) << code.error().text();
    const auto module = engine->load(seal(*code), {});
    ASSERT_FALSE(module.has_value());
    EXPECT_EQ(module.error().code, ErrorCode::kUnsupportedFeature);
    EXPECT_THAT(module.error().detail, testing::HasSubstr(row.detail));
    EXPECT_THAT(module.error().hint, testing::HasSubstr(row.hint));
  }
  // A proposal that is off has the catalogue's advice.
  const auto off = engine->compile(binary("(module (memory 1 1 shared))"));
  ASSERT_FALSE(off.has_value());
  EXPECT_THAT(off.error().next_step(), testing::HasSubstr("Compile without the proposal"));
}

TEST(WasmtimeEngine, AnArtifactOfAnotherVersionIsRefused) {
  const auto runtime = make_engine({.instances = 8});
  auto code = runtime->compile(binary(scenario_text("finish")));
  ASSERT_TRUE(code.has_value());
  // The version that Wasmtime notes in the artifact.
  const std::string_view text = as_text(*code);
  const std::size_t place = text.find("48.0.8");
  ASSERT_NE(place, std::string_view::npos);
  (*code)[place + 5] = std::byte{'9'};
  const auto module = runtime->load(seal(*code), {});
  ASSERT_FALSE(module.has_value());
  EXPECT_EQ(module.error().code, ErrorCode::kArtifactInvalid);
}

TEST(WasmtimeEngine, AHostCallWithoutStateTraps) {
  const auto runtime = make_engine({.instances = 8});
  const auto code = runtime->compile(binary(scenario_text("note")));
  const auto module =
      runtime->load(seal(*code), {.host_functions = engine::conformance::host_functions()});
  ASSERT_TRUE(module.has_value());
  auto instance = (*module)->instantiate({});
  ASSERT_TRUE(instance.has_value());
  EXPECT_EQ(run_to_end(**instance).trap, engine::Trap::kHost);
}

// may_wait is what lets the fiber suspend; a table that lies about it is a defect, not a hang.
TEST(WasmtimeEngine, PendingFromAFunctionThatMayNotWaitTraps) {
  const std::array functions{
      engine::HostFunction{"test", "lies", {}, {}, false, [](engine::HostCall&) noexcept {
                             return engine::HostStatus::kPending;
                           }}};
  const auto runtime = make_engine({.instances = 8});
  const auto code = runtime->compile(
      binary("(module (import \"test\" \"lies\" (func)) (export \"_start\" (func 0)))"));
  const auto module = runtime->load(seal(*code), {.host_functions = functions});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  TestState state;
  auto instance = (*module)->instantiate({.state = &state});
  ASSERT_TRUE(instance.has_value());
  EXPECT_EQ(run_to_end(**instance).trap, engine::Trap::kHost);
}

// mprotect fails when a growth would exceed RLIMIT_DATA.
TEST(WasmtimeEngine, AGrowthThatTheSystemRefusesIsTakenBack) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "a sanitizer's shadow memory counts as data";
#else
  const auto runtime = make_engine({.instances = 8});
  runtime->prepare_thread();  // a signal stack is data, too
  const auto code = runtime->compile(binary(scenario_text("grow_then_wait")));
  const auto module =
      runtime->load(seal(*code), {.host_functions = engine::conformance::host_functions()});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  TestState state;
  engine::conformance::CountingAccount account;
  auto instance = (*module)->instantiate({.state = &state, .memory = &account});
  ASSERT_TRUE(instance.has_value());

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  const rlimit nothing{.rlim_cur = 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &nothing), 0);
  const engine::Progress progress = resume_through_slices(**instance);
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &before), 0);

  ASSERT_EQ(progress, engine::Progress::kWaiting);
  EXPECT_THAT(state.notes, testing::ElementsAre(0xffffffff));
  EXPECT_EQ((*instance)->memory_bytes(), 65536u);
  EXPECT_EQ(account.held(), 65536u);
  EXPECT_EQ(account.charged, 11u * 65536);
  state.ready = 1;
  EXPECT_EQ(run_to_end(**instance).kind, engine::OutcomeKind::kFinished);
  EXPECT_EQ(account.held(), 0u);
  EXPECT_EQ(account.releases, 2);
#endif
}

// What is kept resident costs no page faults once a sandbox is warm.
TEST(WasmtimeEngine, AWarmSandboxHasNoPageFaults) {
#ifdef GODWIT_SANITIZED
  GTEST_SKIP() << "the sanitizer's own memory faults";
#else
  const auto runtime =
      make_engine({.instances = 16, .memory_keep_resident_bytes = std::size_t{18} << 16});
  // 17 pages, of which a Rust program touches its stack's end at 1 MiB and its data behind it.
  const auto code = runtime->compile(binary(R"((module (memory (export "memory") 17)
    (data (i32.const 1048576) "some data")
    (func (export "_start")
      (i32.store (i32.const 1048000) (i32.const 1)) (i32.store (i32.const 1040000) (i32.const 1))
      (i32.store (i32.const 1048600) (i32.const 1)) (i32.store (i32.const 1100000) (i32.const 1)))))"));
  const auto module = runtime->load(seal(*code), {});
  ASSERT_TRUE(module.has_value()) << module.error().text();
  const auto run = [&] {
    auto instance = (*module)->instantiate({});
    ASSERT_TRUE(instance.has_value());
    ASSERT_EQ(run_to_end(**instance).kind, engine::OutcomeKind::kFinished);
  };
  for (int round = 0; round < 100; ++round) run();
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  for (int round = 0; round < 1000; ++round) run();
  getrusage(RUSAGE_THREAD, &after);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, 100);
#endif
}

}  // namespace
}  // namespace godwit::engines::wasmtime
