#include "engines/fake/fake_engine.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capability/manual.h"
#include "wasi/preview1.h"

namespace godwit::engines::fake {
namespace {

using namespace std::chrono_literals;
using engine::OutcomeKind;
using engine::Progress;
using engine::Trap;
using ::testing::HasSubstr;

Result<std::shared_ptr<const engine::Module>> load(const FakeEngine& engine,
                                                   std::string_view script,
                                                   engine::Limits limits = {}) {
  auto code = engine.compile(as_bytes(script));
  if (!code) return fail(std::move(code.error()));
  return engine.load(to_artifact(*code),
                     {.host_functions = wasi::host_functions(), .limits = limits});
}

// One invocation of a script with the real preview 1.
struct ScriptRun {
  explicit ScriptRun(std::string_view script, engine::Limits limits = {}) {
    EXPECT_TRUE(environment.add_variable("NAME", "Ada"));
    EXPECT_TRUE(environment.add_variable("LONG", std::string(40'000, 'L')));
    EXPECT_TRUE(arguments.add("program"));
    EXPECT_TRUE(arguments.add("first"));
    state.emplace(wasi::Preview1::Options{.arguments = &arguments,
                                          .environment = &environment,
                                          .standard_input = &input,
                                          .standard_output = &output,
                                          .standard_error = &errors,
                                          .clock = &clock,
                                          .random = &random,
                                          .timers = &timers,
                                          .waker = &waker});
    auto module = load(engine, script, limits);
    EXPECT_TRUE(module.has_value()) << (module ? "" : module.error().text());
    if (!module) return;
    auto made = (*module)->instantiate({.state = &*state});
    EXPECT_TRUE(made.has_value());
    if (made) instance = std::move(*made);
  }

  // Resumes until it waits or ends.
  Progress go() {
    Progress progress = Progress::kYielded;
    for (int i = 0; i < 1000 && progress == Progress::kYielded; ++i) progress = instance->resume();
    return progress;
  }
  engine::Outcome finish() {
    EXPECT_EQ(go(), Progress::kDone);
    return instance->take_outcome();
  }

  FakeEngine engine;
  wasi::StringList environment;
  wasi::StringList arguments;
  capability::ManualInput input;
  capability::StringOutput output{100'000};
  capability::StringOutput errors{1000};
  capability::ManualClock clock;
  capability::ManualTimers timers{clock};
  capability::CountingRandom random;
  capability::CountingWaker waker;
  std::optional<wasi::Preview1> state;
  std::unique_ptr<engine::Instance> instance;
};

TEST(FakeEngine, WritesAndFinishes) {
  ScriptRun run("write 1 \"hello\\n\"\nwrite 2 oops\n");
  EXPECT_EQ(run.finish().kind, OutcomeKind::kFinished);
  EXPECT_EQ(run.output.text(), "hello\n");
  EXPECT_EQ(run.errors.text(), "oops");
}

TEST(FakeEngine, ExitsAndTraps) {
  const engine::Outcome exited = ScriptRun("exit 3\nwrite 1 never\n").finish();
  EXPECT_EQ(exited.kind, OutcomeKind::kExited);
  EXPECT_EQ(exited.exit_code, 3);
  EXPECT_FALSE(exited.success());
  EXPECT_TRUE(ScriptRun("exit 0\n").finish().success());
  const engine::Outcome trapped = ScriptRun("trap divide \"main\"\n").finish();
  EXPECT_EQ(trapped.kind, OutcomeKind::kTrapped);
  EXPECT_EQ(trapped.trap, Trap::kIntegerDivisionByZero);
  EXPECT_THAT(trapped.detail, HasSubstr("\n  0: main"));
  EXPECT_EQ(ScriptRun("call proc_raise 6\n").finish().trap, Trap::kHost);
}

TEST(FakeEngine, DetailIsBounded) {
  const std::string script = "trap other " + std::string(50'000, 'x') + "\n";
  EXPECT_EQ(ScriptRun(script).finish().detail.size(), engine::Limits{}.detail_bytes);
}

TEST(FakeEngine, EnvironmentAndArguments) {
  ScriptRun run("env NAME\nenv MISSING\nwrite 1 \"|\"\narg 1\narg 7\nenv LONG\n");
  EXPECT_TRUE(run.finish().success());
  EXPECT_EQ(run.output.text(), "Ada|first" + std::string(40'000, 'L'));
  EXPECT_EQ(run.instance->memory_bytes(), 65536u * 2) << "the block did not fit the scratch area";
}

TEST(FakeEngine, EchoesPieceByPiece) {
  ScriptRun run("echo\nwrite 1 .\n");
  EXPECT_EQ(run.go(), Progress::kWaiting);
  run.input.push("one ");
  EXPECT_EQ(run.waker.take(), 1);
  EXPECT_EQ(run.go(), Progress::kWaiting);
  EXPECT_EQ(run.output.text(), "one ");
  run.input.push(std::string(50'000, 'x'));
  run.input.end();
  EXPECT_TRUE(run.finish().success());
  EXPECT_EQ(run.output.text(), "one " + std::string(50'000, 'x') + ".");
}

TEST(FakeEngine, FullOutputSuspendsUntilItIsRead) {
  ScriptRun run("fill 1 250000 z\n");
  std::string all;
  while (run.go() == Progress::kWaiting) {
    all += run.output.take();
    ASSERT_EQ(run.waker.take(), 1);
  }
  EXPECT_TRUE(run.instance->take_outcome().success());
  all += run.output.take();
  EXPECT_EQ(all, std::string(250'000, 'z'));
}

TEST(FakeEngine, ReaderGoneTrapsTheConvenientSteps) {
  ScriptRun run("write 1 x\n");
  run.output.close();
  const engine::Outcome outcome = run.finish();
  EXPECT_EQ(outcome.trap, Trap::kUnreachable);
  EXPECT_THAT(outcome.detail, HasSubstr("fd_write: errno 64"));
}

TEST(FakeEngine, SleepsOnTheTimers) {
  ScriptRun run("sleep_ms 20\nwrite 1 awake\n");
  EXPECT_EQ(run.go(), Progress::kWaiting);
  run.timers.advance(19ms);
  EXPECT_EQ(run.waker.take(), 0);
  EXPECT_EQ(run.go(), Progress::kWaiting) << "resumed too early, it goes on waiting";
  run.timers.advance(1ms);
  EXPECT_EQ(run.waker.take(), 1);
  EXPECT_TRUE(run.finish().success());
  EXPECT_EQ(run.output.text(), "awake");
}

TEST(FakeEngine, YieldsWaitsAndSpins) {
  ScriptRun yielding("yield 2\n");
  EXPECT_EQ(yielding.instance->resume(), Progress::kYielded);
  EXPECT_EQ(yielding.instance->resume(), Progress::kYielded);
  EXPECT_EQ(yielding.instance->resume(), Progress::kDone);
  ScriptRun waiting("wait\n");
  ScriptRun spinning("spin\n");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(waiting.instance->resume(), Progress::kWaiting);
    EXPECT_EQ(spinning.instance->resume(), Progress::kYielded);
  }
}

TEST(FakeEngine, LongLoopsGiveWay) {
  ScriptRun run(
      "repeat 0\ntrap other\nend\nrepeat 3\nwrite 1 a\nrepeat 2\nwrite 1 b\nend\nend\n"
      "repeat 1000000000\nend\n");
  EXPECT_EQ(run.instance->resume(), Progress::kYielded);
  EXPECT_EQ(run.output.text(), "abbabbabb");
}

TEST(FakeEngine, CallsAnyHostFunctionAndSeesItsResult) {
  EXPECT_TRUE(ScriptRun("call fd_close 1\nexpect 0\ncall fd_close 1\nexpect 8\n"
                        "call fd_seek 0 -1 2 0x100\nexpect 70\n")
                  .finish()
                  .success());
  EXPECT_TRUE(ScriptRun("call wasi_unstable.fd_filestat_get 0 0x100\nexpect 0\nexpect32 0x114 1\n")
                  .finish()
                  .success());
  const engine::Outcome outcome = ScriptRun("call fd_close 9\nexpect 0\n").finish();
  EXPECT_EQ(outcome.trap, Trap::kUnreachable);
  EXPECT_THAT(outcome.detail, HasSubstr("line 2: expected 0, found 8"));
}

TEST(FakeEngine, MemoryIsFreshBoundedAndChecked) {
  ScriptRun first(
      "expect64 0x200 0\nstore64 0x200 -1\nexpect8 0x207 255\ndata 0x300 \"ab\"\n"
      "expect8 0x301 98\n");
  EXPECT_TRUE(first.finish().success());
  for (const char* script : {"store8 65536 1\n", "store32 65533 1\n", "expect64 -1 0\n",
                             "data 65535 ab\n", "store64 0xFFFFFFFFFFFFFFF9 1\n"}) {
    EXPECT_EQ(ScriptRun(script).finish().trap, Trap::kMemoryOutOfBounds) << script;
  }
}

TEST(FakeEngine, GrowthStopsAtTheLimit) {
  const engine::Limits limits{.memory_bytes = 4 * 65536};
  ScriptRun grows("memory 2\nmust_grow 2\nstore8 262143 1\n", limits);
  EXPECT_TRUE(grows.finish().success());
  EXPECT_EQ(grows.instance->memory_bytes(), 4u * 65536);
  ScriptRun refused("memory 2\ngrow 3\ngrow -1\nstore8 131071 1\n", limits);
  EXPECT_TRUE(refused.finish().success()) << "a refusal alone is no failure";
  EXPECT_EQ(ScriptRun("memory 2\nmust_grow 3\n", limits).finish().kind, OutcomeKind::kOutOfMemory);
  EXPECT_EQ(ScriptRun("grow 9\nexit 1\n", limits).finish().kind, OutcomeKind::kOutOfMemory);
  EXPECT_EQ(ScriptRun("grow 9\nexit 0\n", limits).finish().kind, OutcomeKind::kExited);
}

TEST(FakeEngine, LoadRefusesWhatDoesNotFit) {
  const FakeEngine engine;
  const auto code_of = [&](std::string_view script, engine::Limits limits = {}) {
    const auto module = load(engine, script, limits);
    EXPECT_FALSE(module.has_value()) << script;
    return module ? ErrorCode::kInternal : module.error().code;
  };
  EXPECT_EQ(code_of("dance\n"), ErrorCode::kModuleMalformed);
  EXPECT_EQ(code_of("call no_such_function\n"), ErrorCode::kUnknownImport);
  EXPECT_EQ(code_of("call env.fd_write 0 0 0 0\n"), ErrorCode::kUnknownImport);
  EXPECT_EQ(code_of("call fd_close\n"), ErrorCode::kImportSignature);
  EXPECT_EQ(code_of("call fd_close 1 2\n"), ErrorCode::kImportSignature);
  EXPECT_EQ(code_of("call fd_close 4294967296\n"), ErrorCode::kImportSignature);
  EXPECT_EQ(code_of("memory 3\n", {.memory_bytes = 2 * 65536}), ErrorCode::kMemoryMinimum);
  EXPECT_EQ(engine.compile(as_bytes(std::string_view("\0asm\1\0\0\0", 8))).error().code,
            ErrorCode::kModuleMalformed)
      << "a module without a script";
}

TEST(FakeEngine, LoadRefusesArtifactsOfOthers) {
  const FakeEngine engine;
  const auto code_of = [&](engine::Artifact artifact) {
    const auto module = engine.load(std::move(artifact), {});
    EXPECT_FALSE(module.has_value());
    return module ? ErrorCode::kInternal : module.error().code;
  };
  EXPECT_EQ(code_of(to_artifact(as_bytes("something else"))), ErrorCode::kArtifactInvalid);
  auto code = engine.compile(as_bytes("wait\n"));
  ASSERT_TRUE(code.has_value());
  engine::Artifact longer = to_artifact(*code);
  ++longer.size;
  EXPECT_EQ(code_of(std::move(longer)), ErrorCode::kArtifactInvalid);
  engine::Artifact huge = to_artifact(*code);
  huge.size = std::uint64_t{1} << 60;
  EXPECT_EQ(code_of(std::move(huge)), ErrorCode::kArtifactInvalid);
  code->push_back(std::byte{'x'});
  EXPECT_EQ(code_of(to_artifact(*code)), ErrorCode::kArtifactInvalid) << "an unknown step";
}

TEST(FakeEngine, ModulesMayCarryTheScript) {
  ScriptRun run(as_text(script_module("write 1 \"from a module\"\n")));
  EXPECT_TRUE(run.finish().success());
  EXPECT_EQ(run.output.text(), "from a module");
}

TEST(FakeEngine, InstancesAreCountedAndLimited) {
  const FakeEngine engine({.max_instances = 2});
  const auto module = load(engine, "wait\n");
  ASSERT_TRUE(module.has_value());
  auto first = (*module)->instantiate({});
  auto second = (*module)->instantiate({});
  ASSERT_TRUE(first.has_value() && second.has_value());
  const auto third = (*module)->instantiate({});
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, ErrorCode::kServerOverloaded);
  EXPECT_EQ((*first)->resume(), Progress::kWaiting);
  first->reset();
  EXPECT_EQ(engine.live_instances(), 1u);
  EXPECT_TRUE((*module)->instantiate({}).has_value());
  EXPECT_EQ((*module)->instantiate({.entry = "main"}).error().code, ErrorCode::kNoContract);
}

TEST(FakeEngine, ModulesAreSharedByThreads) {
  const FakeEngine engine;
  const auto module = load(engine, "repeat 50\nstore32 0x100 7\nexpect32 0x100 7\nend\nyield 2\n");
  ASSERT_TRUE(module.has_value());
  std::vector<std::thread> threads;
  std::atomic<int> finished{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int run = 0; run < 50; ++run) {
        auto instance = (*module)->instantiate({});
        while ((*instance)->resume() != Progress::kDone) {
        }
        finished += (*instance)->take_outcome().success() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(finished, 200);
  EXPECT_EQ(engine.live_instances(), 0u);
}

}  // namespace
}  // namespace godwit::engines::fake
