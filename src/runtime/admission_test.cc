#include "runtime/admission.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::runtime {
namespace {

class Waiter final : public GateWaiter {
 public:
  void granted() noexcept override { grants.fetch_add(1); }
  std::atomic<int> grants{0};
};

TEST(FunctionGate, AdmitsUpToTheLimitQueuesThenRefuses) {
  FunctionGate gate({.running = 2, .waiting = 1});
  Waiter a, b, c, d;
  EXPECT_EQ(gate.enter(a), Admission::kGranted);
  EXPECT_EQ(gate.enter(b), Admission::kGranted);
  EXPECT_EQ(gate.enter(c), Admission::kQueued);
  EXPECT_EQ(gate.enter(d), Admission::kRefused);
  EXPECT_EQ(gate.running(), 2u);
  gate.leave();
  EXPECT_EQ(c.grants, 1);
  EXPECT_EQ(gate.running(), 2u);
  gate.leave();
  gate.leave();
  EXPECT_EQ(gate.running(), 0u);
  EXPECT_EQ(gate.enter(d), Admission::kGranted);
}

TEST(FunctionGate, NewcomersDoNotOvertakeTheQueue) {
  FunctionGate gate({.running = 1, .waiting = 4});
  Waiter a, b, c;
  EXPECT_EQ(gate.enter(a), Admission::kGranted);
  EXPECT_EQ(gate.enter(b), Admission::kQueued);
  EXPECT_EQ(gate.enter(c), Admission::kQueued);
  gate.leave();
  EXPECT_EQ(b.grants, 1);
  EXPECT_EQ(c.grants, 0);
}

TEST(FunctionGate, GivingUpFreesThePlaceInTheQueue) {
  FunctionGate gate({.running = 1, .waiting = 1});
  Waiter a, b, c;
  EXPECT_EQ(gate.enter(a), Admission::kGranted);
  EXPECT_EQ(gate.enter(b), Admission::kQueued);
  EXPECT_TRUE(gate.give_up(b));
  EXPECT_FALSE(gate.give_up(b));
  EXPECT_EQ(gate.enter(c), Admission::kQueued);
  gate.leave();
  EXPECT_EQ(b.grants, 0);
  EXPECT_EQ(c.grants, 1);
  EXPECT_FALSE(gate.give_up(c));  // too late: the grant is its own
}

TEST(FunctionGate, WithoutAQueueTheLimitStillAdmits) {
  FunctionGate gate({.running = 1, .waiting = 0});
  Waiter a, b;
  EXPECT_EQ(gate.enter(a), Admission::kGranted);
  EXPECT_EQ(gate.enter(b), Admission::kRefused);
}

TEST(FunctionGate, RaisingTheLimitGrantsWaiters) {
  FunctionGate gate({.running = 1, .waiting = 2});
  Waiter a, b, c;
  EXPECT_EQ(gate.enter(a), Admission::kGranted);
  EXPECT_EQ(gate.enter(b), Admission::kQueued);
  EXPECT_EQ(gate.enter(c), Admission::kQueued);
  gate.set_limits({.running = 3, .waiting = 2});
  EXPECT_EQ(b.grants, 1);
  EXPECT_EQ(c.grants, 1);
}

// Many threads enter, leave, give up; the limit is never exceeded and no grant is lost.
TEST(FunctionGate, HoldsUnderContention) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5000;
  FunctionGate gate({.running = 2, .waiting = 2});
  std::atomic<int> inside{0};
  std::atomic<int> worst{0};
  std::atomic<int> runs{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        Waiter waiter;
        Admission admission = gate.enter(waiter);
        if (admission == Admission::kRefused) continue;
        if (admission == Admission::kQueued) {
          for (int spins = 0; waiter.grants == 0 && spins < 100; ++spins) std::this_thread::yield();
          if (waiter.grants == 0 && gate.give_up(waiter)) continue;
          while (waiter.grants == 0) std::this_thread::yield();  // the grant is on its way
        }
        const int now = inside.fetch_add(1) + 1;
        int seen = worst.load();
        while (now > seen && !worst.compare_exchange_weak(seen, now)) {
        }
        runs.fetch_add(1);
        inside.fetch_sub(1);
        gate.leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(worst, 2);
  EXPECT_GT(runs, 0);
  EXPECT_EQ(gate.running(), 0u);
  EXPECT_EQ(gate.waiting(), 0u);
}

}  // namespace
}  // namespace godwit::runtime
