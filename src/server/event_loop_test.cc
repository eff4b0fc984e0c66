#include "server/event_loop.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/test_run.h"
#include "runtime/test_runtime.h"
#include "runtime/worker.h"

namespace godwit::server {
namespace {

using namespace std::chrono_literals;

class Timer final : public runtime::TimerNode {
 public:
  explicit Timer(std::function<void()> fire) : fire_(std::move(fire)) {}

 private:
  void on_timer() noexcept override { fire_(); }
  std::function<void()> fire_;
};

TEST(EventLoop, TasksOfOtherThreadsRunOnTheLoopsThreadInTheirOrder) {
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  constexpr int kThreads = 3;
  constexpr int kTasks = 500;
  std::vector<std::vector<int>> seen(kThreads);
  std::atomic<bool> elsewhere{false};
  std::atomic<int> left{kThreads * kTasks};
  std::thread runner([&] { loop.run(); });
  const auto loop_thread = runner.get_id();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        loop.post([&, t, i] {
          if (std::this_thread::get_id() != loop_thread) elsewhere = true;
          seen[t].push_back(i);
          if (--left == 0) loop.stop();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  runner.join();
  EXPECT_FALSE(elsewhere);
  for (const auto& order : seen) {
    ASSERT_EQ(order.size(), static_cast<std::size_t>(kTasks));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST(EventLoop, WhatIsPostedBeforeItRunsIsDone) {
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  int done = 0;
  loop.post([&] { ++done; });
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(done, 1);
}

TEST(EventLoop, ATaskMayPostTheNext) {
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  int left = 100;
  std::function<void()> task = [&] { --left == 0 ? loop.stop() : loop.post(task); };
  loop.post(task);
  loop.run();
  EXPECT_EQ(left, 0);
}

TEST(EventLoop, WhatIsPostedAfterItsEndIsDestroyedWithoutRunning) {
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  auto held = std::make_shared<int>(0);
  loop.post([&] { loop.stop(); });
  loop.run();
  loop.post([held] { ++*held; });
  EXPECT_EQ(*held, 0);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EventLoop, FiresTimersInTheirOrderAlsoWhenAnEarlierOneComesLater) {
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  std::string order;
  Timer last([&] {
    order += 'c';
    loop.stop();
  });
  Timer second([&] { order += 'b'; });
  Timer first([&] { order += 'a'; });
  Timer never([&] { order += '!'; });
  const TimePoint now = monotonic_now();
  worker.timers().arm(last, now + 15ms);
  worker.timers().arm(never, now + 1ms);
  worker.timers().arm(second, now + 10ms);
  worker.timers().cancel(never);
  loop.post([&] { worker.timers().arm(first, monotonic_now()); });
  loop.run();
  EXPECT_EQ(order, "abc");
  EXPECT_GE(monotonic_now(), now + 15ms) << "it fired too early";
}

TEST(EventLoop, ATimerThatIsMovedBackDoesNotFireAtItsOldTime) {
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  const TimePoint now = monotonic_now();
  Timer timer([&] { loop.stop(); });
  worker.timers().arm(timer, now + 1ms);
  worker.timers().arm(timer, now + 10ms);
  loop.run();
  EXPECT_GE(monotonic_now(), now + 10ms);
}

// One ready guest at a time, tasks in between: a guest that is always ready holds nobody.
TEST(EventLoop, ABusyGuestLeavesTheLoopToOthers) {
  const runtime::test::Functions functions;
  EventLoop loop;
  runtime::Worker worker(loop);
  loop.attach(worker);
  wasi::StringList strings;
  capability::EmptyInput input;
  capability::StringOutput output(1000);
  struct Quiet final : runtime::InvocationObserver {
    void on_suspended() noexcept override {}
    void on_ended() noexcept override { ended = true; }
    void on_expired() noexcept override {}
    bool ended = false;
  } observer;
  runtime::Invocation invocation(worker);
  invocation.begin({.function = functions.make("yield 1000000000\n"),
                    .arguments = &strings,
                    .environment = &strings,
                    .standard_input = &input,
                    .standard_output = &output,
                    .standard_error = &output},
                   observer);
  int tasks = 0;
  constexpr int kMostTasks = 1'000'000;
  std::function<void()> task = [&] {
    const bool seen = invocation.usage().slices > 50 && tasks >= 50;
    ++tasks == kMostTasks || seen ? loop.stop() : loop.post(task);
  };
  loop.post(task);
  loop.run();
  EXPECT_GE(tasks, 50);
  EXPECT_LT(tasks, kMostTasks) << "the guest starved";
  EXPECT_FALSE(observer.ended);
  invocation.end_now(engine::OutcomeKind::kCancelled);
}

}  // namespace
}  // namespace godwit::server
