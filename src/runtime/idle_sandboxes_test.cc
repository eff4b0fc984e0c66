#include "runtime/idle_sandboxes.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/test_run.h"

namespace godwit::runtime {
namespace {

using test::Functions;
using test::InvocationFixture;
using test::ManualLoop;
using test::TestRun;

constexpr std::uint64_t kPage = 65536;

manifest::FunctionSpec reused(std::uint64_t max_requests = 1000) {
  return {.name = "f",
          .instances = {.policy = manifest::InstancePolicy::kReused,
                        .max_requests = max_requests,
                        .max_idle = std::chrono::seconds(10)}};
}

class IdleSandboxesTest : public InvocationFixture {
 protected:
  ~IdleSandboxesTest() override { loop_.fire_as_if(std::chrono::hours(1)); }

  // Runs it to its end; how much memory its guest had then.
  std::uint64_t run(const std::shared_ptr<const Function>& function) {
    TestRun run(loop_);
    run.begin(function);
    loop_.turn();
    EXPECT_EQ(run.ended, 1);
    EXPECT_FALSE(run.invocation->refusal());
    const std::uint64_t bytes = run.invocation->usage().memory_bytes;
    run.invocation->release();
    return bytes;
  }
  std::size_t idle() { return loop_.worker().idle().size(); }
};

TEST_F(IdleSandboxesTest, AFreshOneIsNotKept) {
  const auto function = functions_.make("grow 1\n", {.name = "f"});
  EXPECT_EQ(run(function), 2 * kPage);
  EXPECT_EQ(run(function), 2 * kPage);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(IdleSandboxesTest, OneServesTheNextRequestWithTheMemoryThatItHas) {
  const auto function = functions_.make("grow 1\nwrite 1 hello\n", reused());
  for (std::uint64_t pages = 2; pages < 6; ++pages) {
    EXPECT_EQ(run(function), pages * kPage);
    EXPECT_EQ(idle(), 1u);
  }
  EXPECT_EQ(functions_.live_instances(), 1u);
}

TEST_F(IdleSandboxesTest, ItWritesToWhomeverItServes) {
  const auto function = functions_.make("echo\n", reused());
  for (const std::string_view text : {"first", "second"}) {
    TestRun run(loop_);
    run.begin(function);
    run.input.push(text);
    run.input.end();
    loop_.turn();
    EXPECT_EQ(run.output.text(), text);
    run.invocation->release();
  }
}

TEST_F(IdleSandboxesTest, ServesSoManyRequests) {
  const auto function = functions_.make("grow 1\n", reused(2));
  for (const std::uint64_t pages : {2, 3, 2, 3}) EXPECT_EQ(run(function), pages * kPage);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(IdleSandboxesTest, GoesWhenItWasIdleForSoLong) {
  const auto function = functions_.make("grow 1\n", reused());
  run(function);
  loop_.fire_as_if(std::chrono::seconds(9));
  EXPECT_EQ(idle(), 1u);
  loop_.fire_as_if(std::chrono::seconds(11));
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(functions_.live_instances(), 0u);
  EXPECT_EQ(run(function), 2 * kPage);
}

TEST_F(IdleSandboxesTest, OneThatFailedIsNotKept) {
  for (const std::string_view script : {"trap unreachable\n", "exit 1\n", "exit 0\n"}) {
    run(functions_.make(script, reused()));
    EXPECT_EQ(idle(), 0u) << script;
  }
}

TEST_F(IdleSandboxesTest, OneThatIsCancelledIsNotKept) {
  TestRun run(loop_);
  run.begin(functions_.make("wait\n", reused()));
  loop_.turn();
  run.invocation->end_now(engine::OutcomeKind::kCancelled);
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(functions_.live_instances(), 0u);
}

TEST_F(IdleSandboxesTest, AnotherVersionHasItsOwn) {
  const auto first = functions_.make("grow 1\n", reused());
  auto next = std::make_shared<Function>(*first);  // the gate is handed on
  EXPECT_EQ(run(first), 2 * kPage);
  EXPECT_EQ(run(next), 2 * kPage);
  EXPECT_EQ(run(next), 3 * kPage);
  EXPECT_EQ(run(first), 3 * kPage);
}

TEST_F(IdleSandboxesTest, SeveralAtOnceHaveOneEach) {
  const auto function = functions_.make("grow 1\nsleep_ms 1\n", reused());
  TestRun first(loop_);
  TestRun second(loop_);
  first.begin(function);
  second.begin(function);
  loop_.run_until([&] { return first.ended == 1 && second.ended == 1; });
  EXPECT_EQ(idle(), 2u);
  EXPECT_EQ(first.invocation->usage().memory_bytes, 2 * kPage);
  EXPECT_EQ(second.invocation->usage().memory_bytes, 2 * kPage);
  first.invocation->release();
  second.invocation->release();
}

TEST(IdleSandboxes, GiveWayToWhatWouldRun) {
  const Functions functions({.max_instances = 1});
  ManualLoop loop;
  TestRun kept(loop);
  kept.begin(functions.make("write 1 kept\n", reused()));
  loop.turn();
  EXPECT_EQ(loop.worker().idle().size(), 1u);
  TestRun other(loop);
  other.begin(functions.make("write 1 other\n", {.name = "g"}));
  loop.turn();
  EXPECT_EQ(other.output.text(), "other");
  EXPECT_EQ(loop.worker().idle().size(), 0u);
}

TEST(IdleSandboxes, ThereAreNotMoreThanSoMany) {
  const Functions functions;
  ManualLoop loop;
  for (std::size_t i = 0; i < IdleSandboxes::kMost + 3; ++i) {
    TestRun run(loop);
    run.begin(functions.make("write 1 done\n", reused()));
    loop.turn();
  }
  EXPECT_EQ(loop.worker().idle().size(), IdleSandboxes::kMost);
}

TEST(IdleSandboxes, GoWithTheirWorker) {
  const Functions functions;
  {
    ManualLoop loop;
    TestRun run(loop);
    run.begin(functions.make("write 1 done\n", reused()));
    loop.turn();
    EXPECT_EQ(functions.live_instances(), 1u);
  }
  EXPECT_EQ(functions.live_instances(), 0u);
}

}  // namespace
}  // namespace godwit::runtime
