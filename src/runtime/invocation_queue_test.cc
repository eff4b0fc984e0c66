// Invocations before they run: the queue, refusals, grants across workers; and that nothing leaks
// whatever is done to an invocation in whatever state.
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/invocation.h"
#include "runtime/test_run.h"
#include "runtime/test_runtime.h"

namespace godwit::runtime {
namespace {

using namespace std::chrono_literals;
using engine::OutcomeKind;
using test::ManualLoop;
using test::TestRun;

manifest::Limits one_at_a_time() { return {.concurrency = 1, .queue = 10, .queue_timeout = 1s}; }

class InvocationQueueTest : public testing::Test {
 protected:
  ~InvocationQueueTest() override {
    EXPECT_EQ(functions_.live_instances(), 0u) << "a sandbox leaked";
    EXPECT_EQ(loop_.worker().timers().size(), 0u) << "a timer leaked";
  }
  std::shared_ptr<const Function> function(std::string_view script,
                                           manifest::Limits limits = one_at_a_time()) {
    return functions_.make(script, {.name = "f", .limits = limits});
  }

  test::Functions functions_;
  ManualLoop loop_;
};

TEST_F(InvocationQueueTest, WaitsForItsTurnInOrder) {
  const auto f = function("echo\n");
  TestRun a(loop_), b(loop_), c(loop_);
  for (TestRun* run : {&a, &b, &c}) run->begin(f);
  EXPECT_EQ(f->gate->running(), 1u);
  EXPECT_EQ(f->gate->waiting(), 2u);
  EXPECT_EQ(functions_.live_instances(), 1u) << "what waits has no sandbox";
  EXPECT_TRUE(b.invocation->active());

  for (TestRun* run : {&a, &b, &c}) {
    EXPECT_EQ(run->suspended, 1);
    run->input.end();
    loop_.turn();
    EXPECT_EQ(run->ended, 1);
    EXPECT_EQ(run->invocation->outcome().kind, OutcomeKind::kFinished);
  }
  EXPECT_EQ(f->gate->running(), 0u);
  EXPECT_EQ(f->gate->waiting(), 0u);
}

TEST_F(InvocationQueueTest, AFullQueueRefuses) {
  const auto f = function("wait\n", {.concurrency = 1, .queue = 1});
  TestRun running(loop_), queued(loop_), refused(loop_);
  running.begin(f);
  queued.begin(f);
  refused.begin(f);
  EXPECT_TRUE(refused.refused_with(ErrorCode::kFunctionBusy));
  EXPECT_EQ(refused.suspended, 0);
  EXPECT_EQ(functions_.live_instances(), 1u);
  EXPECT_EQ(queued.ended, 0);
  queued.invocation->end_now(OutcomeKind::kCancelled);
  running.invocation->end_now(OutcomeKind::kCancelled);
  refused.invocation->release();
  refused.begin(f);  // now there is a place; nothing of the refusal is left
  EXPECT_EQ(refused.invocation->refusal(), std::nullopt);
  EXPECT_EQ(f->gate->running(), 1u);
  refused.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationQueueTest, WaitsNoLongerThanTheQueueTimeout) {
  const auto f = function("wait\n");
  TestRun running(loop_), queued(loop_);
  running.begin(f);
  queued.begin(f);
  loop_.fire_as_if(900ms);
  EXPECT_EQ(queued.ended, 0);
  loop_.fire_as_if(1100ms);
  EXPECT_TRUE(queued.refused_with(ErrorCode::kFunctionBusy));
  EXPECT_EQ(f->gate->waiting(), 0u);
  EXPECT_EQ(running.ended, 0);
  running.invocation->end_now(OutcomeKind::kCancelled);
  loop_.turn();
  EXPECT_EQ(f->gate->running(), 0u);
}

TEST_F(InvocationQueueTest, TheWallClockCountsInTheQueue) {
  const auto f = function("wait\n", {.timeout = 1ms, .concurrency = 1, .queue_timeout = 10s});
  const auto same_gate = std::make_shared<const Function>(
      Function{.spec = {.name = "g"}, .module = f->module, .gate = f->gate});
  TestRun running(loop_), queued(loop_);
  running.begin(same_gate);  // with the default of 30 s
  queued.begin(f);
  loop_.run_until([&] { return queued.ended == 1; });
  EXPECT_EQ(queued.invocation->refusal(), std::nullopt);
  EXPECT_EQ(queued.invocation->outcome().kind, OutcomeKind::kDeadline);
  EXPECT_EQ(f->gate->waiting(), 0u);
  EXPECT_EQ(running.ended, 0);
  running.invocation->end_now(OutcomeKind::kCancelled);
}

TEST_F(InvocationQueueTest, APlaceOfAnotherWorkerIsHandedOver) {
  const auto f = function("echo\n");
  ManualLoop other;
  TestRun here(loop_), there(other);
  here.begin(f);
  there.begin(f);
  here.input.end();
  loop_.turn();
  EXPECT_EQ(here.ended, 1);
  EXPECT_EQ(there.suspended, 0) << "it ran on the other worker's thread";
  EXPECT_EQ(f->gate->running(), 1u) << "the place is on its way";
  other.turn();
  EXPECT_EQ(there.suspended, 1);
  there.input.end();
  other.turn();
  EXPECT_EQ(there.ended, 1);
  EXPECT_EQ(f->gate->running(), 0u);
}

// The wait is not a part of making the instance, nor charged to anybody.
TEST_F(InvocationQueueTest, WaitingForAPlaceIsNoWork) {
  const auto f = function("echo\n");
  TestRun first(loop_), second(loop_);
  first.begin(f);
  second.begin(f);
  std::this_thread::sleep_for(100ms);
  first.input.end();
  loop_.turn();
  second.input.end();
  loop_.turn();
  ASSERT_EQ(second.ended, 1);
  EXPECT_LT(second.invocation->usage().setup, 100ms);
}

// The grant names a run, not an object: one that comes too late is given back.
TEST_F(InvocationQueueTest, AGrantForARunThatIsGoneGivesThePlaceBack) {
  const auto f = function("echo\n");
  TestRun first(loop_), second(loop_);
  first.begin(f);
  second.begin(f);
  first.invocation->end_now(OutcomeKind::kCancelled);  // the grant to `second` is posted
  second.invocation->end_now(OutcomeKind::kCancelled);
  EXPECT_EQ(second.ended, 1);
  second.invocation->release();
  second.begin(f);  // the same object, another run: the old grant is not its own
  EXPECT_EQ(second.suspended, 0);
  EXPECT_EQ(f->gate->waiting(), 1u);
  loop_.turn();
  EXPECT_EQ(second.suspended, 1) << "the place was given back and granted anew";
  EXPECT_EQ(f->gate->running(), 1u);
  second.input.end();
  loop_.turn();
  EXPECT_EQ(f->gate->running(), 0u);
}

// A loop that ends drops what was posted to it (loop.h); the place must not be lost with it.
TEST_F(InvocationQueueTest, AGrantThatIsNeverDeliveredGivesThePlaceBack) {
  const auto f = function("echo\n");
  {
    ManualLoop ending;
    TestRun queued(ending);
    TestRun running(loop_);
    running.begin(f);
    queued.begin(f);
    running.input.end();
    loop_.turn();  // the grant to `queued` is posted
    EXPECT_EQ(f->gate->running(), 1u);
  }
  EXPECT_EQ(f->gate->running(), 0u);
}

TEST_F(InvocationQueueTest, AnEngineWithoutRoomMakesItWaitThenRefuses) {
  const test::Functions small({.max_instances = 1});
  const auto f = small.make("wait\n");
  TestRun running(loop_), next(loop_), refused(loop_);
  running.begin(f);
  next.begin(f);
  refused.begin(f);
  EXPECT_EQ(next.ended + refused.ended, 0);
  EXPECT_FALSE(loop_.worker().has_ready()) << "it would only try again and again";
  running.invocation->end_now(OutcomeKind::kCancelled);
  loop_.turn();
  EXPECT_EQ(next.suspended, 1) << "the sandbox that became free is its";
  loop_.fire_as_if(2s);
  EXPECT_TRUE(refused.refused_with(ErrorCode::kServerOverloaded));
  EXPECT_EQ(f->gate->running(), 1u);
  next.invocation->end_now(OutcomeKind::kCancelled);
  EXPECT_EQ(f->gate->running(), 0u);
  EXPECT_EQ(small.live_instances(), 0u);
  loop_.fire_as_if(2s);  // whoever was to try again
}

// --- In every state -----------------------------------------------------------------------------

enum class State { kIdle, kQueued, kGranted, kWaiting, kWoken, kYielded, kEnded };
constexpr const char* kStateNames[] = {"Idle",  "Queued",  "Granted", "Waiting",
                                       "Woken", "Yielded", "Ended"};

class InEveryState : public testing::TestWithParam<State> {
 protected:
  // Reaches the state, does `action`, and looks that nothing is left.
  void check(const std::function<void(TestRun&)>& action, int ended_after) {
    test::Functions functions;
    ManualLoop loop;
    const auto f = functions.make("echo\nyield 100\n", {.limits = one_at_a_time()});
    {
      TestRun holder(loop), run(loop);
      reach(loop, f, holder, run);
      EXPECT_EQ(run.ended, ended_before());
      action(run);
      EXPECT_EQ(run.ended, ended_after);
      loop.turn();
      if (holder.invocation->active()) holder.invocation->end_now(OutcomeKind::kCancelled);
      loop.turn();
      EXPECT_EQ(run.ended, ended_after) << "it was called again";
      EXPECT_EQ(f->gate->running(), 0u);
      EXPECT_EQ(f->gate->waiting(), 0u);
      EXPECT_EQ(functions.live_instances(), 0u);
      EXPECT_FALSE(loop.worker().has_ready());
      run.input.end();  // what it waited for comes after all
      if (run.invocation) {
        if (ended_after > 0) run.invocation->release();
        TestRun next(loop);
        next.input.end();
        next.begin(f);
        loop.turn();
        EXPECT_EQ(next.ended, 1) << "the place is not free";
      }
    }
    EXPECT_EQ(loop.worker().timers().size(), 0u);
    EXPECT_EQ(f.use_count(), 1) << "the function is still held";
  }
  int ended_before() const { return GetParam() == State::kEnded ? 1 : 0; }
  int ended_by_us() const { return GetParam() == State::kIdle ? 0 : 1; }

  // `holder` takes the place that a queued one waits for.
  void reach(ManualLoop& loop, const std::shared_ptr<const Function>& f, TestRun& holder,
             TestRun& run) {
    const State state = GetParam();
    if (state == State::kIdle) return;
    if (state == State::kQueued || state == State::kGranted) holder.begin(f);
    run.begin(f);
    if (state == State::kGranted) holder.invocation->end_now(OutcomeKind::kCancelled);  // posted
    if (state == State::kWoken) run.input.push("x");
    if (state == State::kYielded || state == State::kEnded) {
      run.input.end();
      loop.turn(1);
    }
    if (state == State::kEnded) loop.turn();
  }
};

TEST_P(InEveryState, EndNow) {
  check([](TestRun& run) { run.invocation->end_now(OutcomeKind::kCancelled); }, ended_by_us());
}

TEST_P(InEveryState, EndNowTwice) {
  check(
      [](TestRun& run) {
        run.invocation->end_now(OutcomeKind::kCancelled);
        run.invocation->end_now(OutcomeKind::kDeadline);
      },
      ended_by_us());
}

TEST_P(InEveryState, Destroy) {
  check([](TestRun& run) { run.invocation.reset(); }, ended_before());
}

// A wake-up at any moment (a stream that tells too often) changes nothing by itself.
TEST_P(InEveryState, WakeThenEnd) {
  check(
      [](TestRun& run) {
        run.invocation->wake();
        run.invocation->wake();
        run.invocation->end_now(OutcomeKind::kCancelled);
        run.invocation->wake();
      },
      ended_by_us());
}

INSTANTIATE_TEST_SUITE_P(Invocation, InEveryState,
                         testing::Values(State::kIdle, State::kQueued, State::kGranted,
                                         State::kWaiting, State::kWoken, State::kYielded,
                                         State::kEnded),
                         [](const auto& tested) {
                           return std::string(kStateNames[static_cast<int>(tested.param)]);
                         });

// --- Several threads ----------------------------------------------------------------------------

// Begins the next run whenever one has ended, so that places go to and fro between the threads.
class Client final {
 public:
  Client(ManualLoop& loop, std::shared_ptr<const Function> function, int rounds)
      : run_(loop), function_(std::move(function)), left_(rounds) {
    run_.input.end();
    run_.when_ended = [this] {
      refused_ += run_.invocation->refusal() ? 1 : 0;
      again_ = true;
    };
    run_.begin(function_);
  }
  // False when all rounds are done.
  bool go_on() {
    if (!again_) return true;
    again_ = false;
    run_.invocation->release();
    if (--left_ == 0) return false;
    run_.begin(function_);
    return true;
  }
  bool done() const { return left_ == 0; }
  int refused() const { return refused_; }

 private:
  TestRun run_;
  std::shared_ptr<const Function> function_;
  int left_;
  int refused_ = 0;
  bool again_ = false;
};

TEST(InvocationThreads, WorkersShareAGateWithoutLosingAPlace) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 300;
  test::Functions functions;
  const auto f = functions.make(
      "echo\nyield 1\n",
      {.limits = {.timeout = 60s, .concurrency = 2, .queue = 100, .queue_timeout = 60s}});
  std::atomic<std::uint32_t> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      ManualLoop loop;
      // A function of this thread's own, as a route table has it: gate and module are shared.
      const auto own = std::make_shared<const Function>(*f);
      Client a(loop, own, kRounds), b(loop, own, kRounds);
      while (!a.done() || !b.done()) {
        loop.turn(1);
        std::uint32_t seen = most.load();
        const std::uint32_t now = functions.live_instances();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        if (!a.done()) a.go_on();
        if (!b.done()) b.go_on();
        std::this_thread::yield();
      }
      EXPECT_EQ(a.refused() + b.refused(), 0);
      while (loop.run_posted() > 0) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 2u);
  EXPECT_GT(most, 0u);
  EXPECT_EQ(f->gate->running(), 0u);
  EXPECT_EQ(f->gate->waiting(), 0u);
  EXPECT_EQ(functions.live_instances(), 0u);
}

}  // namespace
}  // namespace godwit::runtime
