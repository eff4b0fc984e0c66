#include "runtime/blocking_pool.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "capability/manual.h"
#include "runtime/test_runtime.h"

namespace godwit::runtime {
namespace {

constexpr auto kLongWait = std::chrono::seconds(30);

// Work that goes on until it is let go.
struct Held {
  std::promise<void> begun;
  std::promise<void> let_go;

  std::function<void()> work() {
    return [this, until = let_go.get_future().share()] {
      begun.set_value();
      until.wait();
    };
  }
  bool wait_until_begun() {
    return begun.get_future().wait_for(kLongWait) == std::future_status::ready;
  }
};

TEST(BlockingPool, DoesAllWorkOfAllOwners) {
  std::atomic<int> done = 0;
  int owners[3] = {};
  {
    BlockingPool pool(4);
    for (int i = 0; i < 300; ++i) pool.submit(&owners[i % 3], [&] { ++done; });
    for (int i = 0; i < 10'000 && pool.busy(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_FALSE(pool.busy());
  }
  EXPECT_EQ(done, 300);
}

TEST(BlockingPool, OneOwnerNeverHasAllThreads) {
  BlockingPool pool(2);
  int slow = 0;
  int other = 0;
  Held first;
  Held second;
  pool.submit(&slow, first.work());
  pool.submit(&slow, second.work());
  ASSERT_TRUE(first.wait_until_begun());
  std::promise<void> done;
  pool.submit(&other, [&] { done.set_value(); });
  EXPECT_EQ(done.get_future().wait_for(kLongWait), std::future_status::ready);
  first.let_go.set_value();
  EXPECT_TRUE(second.wait_until_begun()) << "it had to wait for its owner's first";
  second.let_go.set_value();
}

TEST(BlockingPool, OwnersTakeTurns) {
  BlockingPool pool(2);
  int many = 0;
  int few = 0;
  int other = 0;
  Held held;  // keeps the only thread that `many` may have
  std::vector<int> order;
  std::mutex mutex;
  const auto note = [&](int who) {
    return [&, who] {
      const std::lock_guard lock(mutex);
      order.push_back(who);
    };
  };
  Held other_held;  // … and the other one
  pool.submit(&many, held.work());
  pool.submit(&other, other_held.work());
  ASSERT_TRUE(held.wait_until_begun());
  ASSERT_TRUE(other_held.wait_until_begun());
  for (int i = 0; i < 50; ++i) pool.submit(&many, note(1));
  pool.submit(&few, note(2));
  held.let_go.set_value();
  // One thread does all of it: two would note it in an order of their own.
  const auto noted = [&] {
    const std::lock_guard lock(mutex);
    return order.size();
  };
  for (int i = 0; i < 10'000 && noted() < 51; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  other_held.let_go.set_value();
  for (int i = 0; i < 10'000 && pool.busy(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_EQ(order.size(), 51U);
  EXPECT_NE(order.back(), 2) << "not behind all fifty";
}

TEST(BlockingPool, DropsAtTheEndWhatHasNotBegun) {
  std::atomic<int> done = 0;
  const auto owned = std::make_shared<int>(0);
  Held held;
  int owner = 0;
  auto pool = std::make_unique<BlockingPool>(2);
  pool->submit(&owner, held.work());
  ASSERT_TRUE(held.wait_until_begun());
  for (int i = 0; i < 10; ++i) pool->submit(&owner, [&, owned] { ++done; });
  std::thread letting([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    held.let_go.set_value();
  });
  pool.reset();
  letting.join();
  EXPECT_EQ(done, 0);
  EXPECT_EQ(owned.use_count(), 1) << "what waiting work owned is gone too";
}

// --- GuestBlocking ------------------------------------------------------------------------------

TEST(GuestBlocking, WakesOnTheWorkersThreadWhenTheResultIsThere) {
  test::ManualLoop loop;
  BlockingPool pool(2);
  BlockingDesk desk(loop, pool);
  GuestBlocking guest(&desk);
  capability::CountingWaker waker;
  int result = 0;
  guest.start([&] { result = 42; }, &waker);
  EXPECT_TRUE(guest.busy());
  loop.run_until([&] { return waker.count() != 0; });
  EXPECT_FALSE(guest.busy());
  EXPECT_EQ(result, 42);
  EXPECT_EQ(waker.count(), 1);
}

TEST(GuestBlocking, CountsTheTimeOfItsWork) {
  test::ManualLoop loop;
  BlockingPool pool(2);
  BlockingDesk desk(loop, pool);
  GuestBlocking guest(&desk);
  capability::CountingWaker waker;
  guest.start(
      [] {
        const Nanoseconds until = thread_cpu_now() + std::chrono::milliseconds(2);
        while (thread_cpu_now() < until) {
        }
      },
      &waker);
  loop.run_until([&] { return waker.count() != 0; });
  EXPECT_GE(guest.take_cpu(), std::chrono::milliseconds(2));
  EXPECT_EQ(guest.take_cpu(), Nanoseconds{0});
}

TEST(GuestBlocking, IsNotToldOfWorkThatItHasCancelled) {
  test::ManualLoop loop;
  BlockingPool pool(2);
  BlockingDesk desk(loop, pool);
  capability::CountingWaker waker;
  Held held;
  {
    GuestBlocking guest(&desk);
    guest.start(held.work(), &waker);
    ASSERT_TRUE(held.wait_until_begun());
  }
  held.let_go.set_value();
  while (pool.busy()) loop.turn(1);
  loop.turn();
  EXPECT_EQ(waker.count(), 0);
}

TEST(GuestBlocking, WorkMayOutliveItsWorker) {
  BlockingPool pool(2);
  Held held;
  {
    test::ManualLoop loop;
    BlockingDesk desk(loop, pool);
    GuestBlocking guest(&desk);
    capability::CountingWaker waker;
    guest.start(held.work(), &waker);
    ASSERT_TRUE(held.wait_until_begun());
  }
  held.let_go.set_value();
}

TEST(GuestBlocking, DisposesOnAnotherThread) {
  test::ManualLoop loop;
  BlockingPool pool(2);
  BlockingDesk desk(loop, pool);
  GuestBlocking guest(&desk);
  std::promise<std::thread::id> ended;
  std::shared_ptr<void> object(new int, [&](int* value) {
    delete value;
    ended.set_value(std::this_thread::get_id());
  });
  guest.dispose(std::move(object));
  auto where = ended.get_future();
  ASSERT_EQ(where.wait_for(kLongWait), std::future_status::ready);
  EXPECT_NE(where.get(), std::this_thread::get_id());
}

}  // namespace
}  // namespace godwit::runtime
