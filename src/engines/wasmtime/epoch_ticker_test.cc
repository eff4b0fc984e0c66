#include "engines/wasmtime/epoch_ticker.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::engines::wasmtime {
namespace {

// Returns once `condition` holds; a test that waits in vain is ended by its time limit.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(EpochTicker::kPeriod);
}

TEST(EpochTicker, TicksWhileAThreadIsInside) {
  std::atomic<int> ticks{0};
  EpochTicker ticker([&] { ticks.fetch_add(1); });
  const auto lane = ticker.lane();
  for (int round = 0; round < 3; ++round) {
    wait_until([&] { return ticker.parked(); });
    const int before = ticks.load();
    ticker.enter(*lane);
    // More than the idle ticks: it does not park under a guest that runs for long.
    wait_until([&] { return ticks.load() > before + EpochTicker::kIdleTicks + 10; });
    EXPECT_FALSE(ticker.parked());
    ticker.leave(*lane);
  }
}

TEST(EpochTicker, ParksWhenNobodyIsInside) {
  std::atomic<int> ticks{0};
  EpochTicker ticker([&] { ticks.fetch_add(1); });
  wait_until([&] { return ticker.parked(); });
  const int parked_at = ticks.load();
  std::this_thread::sleep_for(20 * EpochTicker::kPeriod);
  EXPECT_EQ(ticks.load(), parked_at);
}

TEST(EpochTicker, AThreadKeepsItsLaneAndOthersHaveTheirOwn) {
  EpochTicker ticker([] {});
  EpochTicker other([] {});
  const auto lane = ticker.lane();
  EXPECT_EQ(lane, ticker.lane());
  EXPECT_NE(lane, other.lane());
  std::shared_ptr<EpochTicker::Lane> theirs;
  std::thread([&] { theirs = ticker.lane(); }).join();
  EXPECT_NE(lane, theirs);
}

// What a thread could only see before it left is not used any more when the wait is over.
TEST(EpochTicker, PassagesAreWaitedFor) {
  EpochTicker ticker([] {});
  std::atomic<int*> published{new int(1)};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  std::atomic<int> torn{0};
  for (int count = 0; count < 3; ++count) {
    threads.emplace_back([&] {
      const auto lane = ticker.lane();
      while (!over.load()) {
        ticker.enter(*lane);
        const int* seen = published.load(std::memory_order_seq_cst);
        if (*seen != 1) torn.fetch_add(1);
        ticker.leave(*lane);
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    int* const old = published.exchange(new int(1), std::memory_order_seq_cst);
    ticker.wait_for_passages();
    *old = 0;
    delete old;
  }
  over.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn.load(), 0);
  delete published.load();
}

// Entering and parking race: whoever is inside must be seen, each time.
TEST(EpochTicker, NoEntryIsMissed) {
  std::atomic<int> ticks{0};
  EpochTicker ticker([&] { ticks.fetch_add(1); });
  std::vector<std::thread> threads;
  for (int count = 0; count < 4; ++count) {
    threads.emplace_back([&] {
      const auto lane = ticker.lane();
      for (int round = 0; round < 200; ++round) {
        ticker.enter(*lane);
        const int before = ticks.load();
        if (round % 20 == 0) wait_until([&] { return ticks.load() > before; });
        ticker.leave(*lane);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(ticks.load(), 0);
}

TEST(EpochTicker, EndsWhileParkedAndWhileTicking) {
  for (int round = 0; round < 20; ++round) {
    EpochTicker ticker([] {});
    const auto lane = ticker.lane();
    if (round % 2 == 0) ticker.enter(*lane);
    if (round % 3 == 0) std::this_thread::sleep_for(EpochTicker::kPeriod);
  }
}

}  // namespace
}  // namespace godwit::engines::wasmtime
