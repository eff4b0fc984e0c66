#include "server/connection_quota.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::server {
namespace {

using Answer = ConnectionQuota::Answer;
using boost::asio::ip::make_address;

TEST(ConnectionQuota, SoManyAndNoMore) {
  ConnectionQuota quota({.connections = 2}, 1);
  const auto client = make_address("192.0.2.1");
  EXPECT_EQ(quota.enter(client), Answer::kWelcome);
  EXPECT_EQ(quota.enter(client), Answer::kWelcome);
  EXPECT_EQ(quota.enter(client), Answer::kFull);
  EXPECT_EQ(quota.open(), 2u);
  quota.leave(client);
  EXPECT_EQ(quota.enter(client), Answer::kWelcome);
}

TEST(ConnectionQuota, SoManyOfAClient) {
  ConnectionQuota quota({.connections_per_client = 1}, 1);
  const auto one = make_address("192.0.2.1");
  const auto two = make_address("192.0.2.2");
  EXPECT_EQ(quota.enter(one), Answer::kWelcome);
  EXPECT_EQ(quota.enter(one), Answer::kClientFull);
  EXPECT_EQ(quota.enter(two), Answer::kWelcome);
  quota.leave(one);
  EXPECT_EQ(quota.enter(one), Answer::kWelcome);
  EXPECT_EQ(quota.open(), 2u);
}

// Who has one IPv6 address has 2^64 of them.
TEST(ConnectionQuota, AnIPv6ClientIsItsNetwork) {
  ConnectionQuota quota({.connections_per_client = 1}, 1);
  EXPECT_EQ(quota.enter(make_address("2001:db8:0:1::1")), Answer::kWelcome);
  EXPECT_EQ(quota.enter(make_address("2001:db8:0:1:ffff::2")), Answer::kClientFull);
  EXPECT_EQ(quota.enter(make_address("2001:db8:0:2::1")), Answer::kWelcome);
  EXPECT_EQ(quota.enter(make_address("32.1.13.184")), Answer::kWelcome) << "2001:db8 as IPv4";
}

// One that is refused because the process is full is not counted for its client.
TEST(ConnectionQuota, RefusedIsNotCounted) {
  ConnectionQuota quota({.connections = 1, .connections_per_client = 1}, 1);
  const auto one = make_address("192.0.2.1");
  const auto two = make_address("192.0.2.2");
  EXPECT_EQ(quota.enter(one), Answer::kWelcome);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(quota.enter(two), Answer::kFull);
  quota.leave(one);
  EXPECT_EQ(quota.enter(two), Answer::kWelcome);
}

TEST(ConnectionQuota, ThreadsNeverHaveMoreThanTheLimit) {
  ConnectionQuota quota({.connections = 3, .connections_per_client = 2}, 4);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto client = make_address(t % 2 == 0 ? "192.0.2.1" : "192.0.2.2");
      for (int i = 0; i < 20'000; ++i) {
        if (quota.enter(client) != Answer::kWelcome) continue;
        const int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
        quota.leave(client);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 1);
  EXPECT_EQ(quota.open(), 0u);
}

TEST(MemoryShare, IsExhaustedBeyondTheBudgetAndRecoversWellBelowIt) {
  constexpr std::uint64_t kMiB = 1 << 20;
  ConnectionQuota quota({.memory_bytes = 64 * kMiB}, 2);
  MemoryShare one(quota);
  MemoryShare two(quota);
  one.change(0, 40 * kMiB);
  EXPECT_FALSE(two.exhausted());
  two.change(0, 30 * kMiB);
  EXPECT_TRUE(one.exhausted());
  EXPECT_TRUE(two.exhausted());
  EXPECT_EQ(one.held_bytes() + two.held_bytes(), 70 * kMiB);
  two.change(30 * kMiB, 20 * kMiB);
  EXPECT_FALSE(one.exhausted());
  EXPECT_FALSE(one.recovered()) << "only just";
  two.change(20 * kMiB, 1 * kMiB);
  EXPECT_TRUE(one.recovered());
}

// What a worker has taken and does not use is a small part of the budget.
TEST(MemoryShare, ManySmallChangesStayNearTheTruth) {
  constexpr std::uint64_t kMiB = 1 << 20;
  constexpr unsigned kWorkers = 8;
  ConnectionQuota quota({.memory_bytes = 4 * kMiB}, kWorkers);
  std::vector<std::unique_ptr<MemoryShare>> shares;
  for (unsigned i = 0; i < kWorkers; ++i) shares.push_back(std::make_unique<MemoryShare>(quota));
  for (int round = 0; round < 100; ++round) {
    for (auto& share : shares) share->change(0, 4096);
  }
  EXPECT_FALSE(shares[0]->exhausted()) << "3.1 of 4 MiB are held";
  for (int round = 0; round < 30; ++round) {
    for (auto& share : shares) share->change(0, 4096);
  }
  EXPECT_TRUE(shares[0]->exhausted()) << "4.06 of 4 MiB are held";
  shares.clear();
  EXPECT_FALSE(MemoryShare(quota).exhausted());
}

}  // namespace
}  // namespace godwit::server
