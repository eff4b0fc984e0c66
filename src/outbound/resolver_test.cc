// What one function's names do to the others'.
#include "outbound/resolver.h"

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "outbound/test_gate.h"

namespace godwit::outbound {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::SizeIs;

class ResolverTest : public testing::Test {
 protected:
  ~ResolverTest() override { gate->open(); }

  ResolverOptions options(unsigned threads, std::size_t waiting_max = 1000) {
    return {.threads = threads,
            .waiting_max = waiting_max,
            .resolve = [shared = gate](const auto& host) { return shared->resolve(host); }};
  }
  // Asks, and keeps on asking. False: refused.
  bool ask(Resolver& resolver, const void* owner, const std::string& host) {
    auto lookup = resolver.start(owner, host, [told = told](const Resolution&) { ++*told; });
    if (lookup) lookups.push_back(std::move(*lookup));
    return lookup.has_value();
  }
  // As many different names as are taken.
  std::size_t flood(Resolver& resolver, const void* owner, const std::string& prefix) {
    std::size_t taken = 0;
    while (taken < 5000 && ask(resolver, owner, prefix + std::to_string(taken))) ++taken;
    return taken;
  }

  const std::shared_ptr<TestGate> gate = std::make_shared<TestGate>();
  const std::shared_ptr<std::atomic<int>> told = std::make_shared<std::atomic<int>>(0);
  std::deque<Resolver::Lookup> lookups;
  const int a = 0, b = 0;  // owners
};

TEST_F(ResolverTest, OneOwnerDoesNotFillTheQueue) {
  Resolver resolver(options(1));
  ASSERT_TRUE(ask(resolver, &a, "first"));
  gate->asked(1);
  EXPECT_EQ(flood(resolver, &a, "a"), 64U);
  EXPECT_EQ(flood(resolver, &b, "b"), 64U);
}

TEST_F(ResolverTest, OwnersTakeTurns) {
  Resolver resolver(options(1));
  ASSERT_TRUE(ask(resolver, &a, "first"));
  gate->asked(1);
  flood(resolver, &a, "a");
  ASSERT_TRUE(ask(resolver, &b, "b"));
  gate->let(2);
  EXPECT_THAT(gate->asked(3), Contains("b"));
}

TEST_F(ResolverTest, WhatAllMayWaitForIsNotTakenByFew) {
  const std::vector<int> owners(100);
  Resolver resolver(options(1, 20));
  ASSERT_TRUE(ask(resolver, &a, "first"));
  gate->asked(1);
  EXPECT_EQ(flood(resolver, owners.data(), "x"), 10U);
  EXPECT_GE(flood(resolver, &owners[1], "y"), 5U);
  for (const int& owner : owners) flood(resolver, &owner, "z");
  EXPECT_EQ(resolver.waiting(), 20U);
}

TEST_F(ResolverTest, WhatIsWithdrawnLeavesTheQueue) {
  Resolver resolver(options(1));
  ASSERT_TRUE(ask(resolver, &a, "first"));
  gate->asked(1);
  flood(resolver, &a, "a");
  ASSERT_TRUE(ask(resolver, &b, "b"));
  const auto last = std::move(lookups.back());
  lookups.clear();
  EXPECT_EQ(resolver.waiting(), 1U);
  EXPECT_EQ(flood(resolver, &a, "again"), 64U);
  lookups.clear();
  // Neither is the one told that a thread was at already.
  gate->let(2);
  EXPECT_THAT(gate->asked(2), ElementsAre("first", "b"));
  while (resolver.waiting() > 0 || *told == 0) std::this_thread::yield();
  EXPECT_EQ(*told, 1);
}

TEST_F(ResolverTest, WhoAsksForTheSameIsToldTogether) {
  Resolver resolver(options(1));
  ASSERT_TRUE(ask(resolver, &a, "first"));
  gate->asked(1);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(ask(resolver, &a, "first"));
    ASSERT_TRUE(ask(resolver, &a, "same"));
    ASSERT_TRUE(ask(resolver, &b, "same"));
  }
  EXPECT_EQ(resolver.waiting(), 2U);
  gate->let(2);
  while (*told < 601) std::this_thread::yield();
  EXPECT_THAT(gate->asked(2), SizeIs(2));
  EXPECT_EQ(resolver.waiting(), 0U);
}

TEST_F(ResolverTest, ALookupMayOutliveTheResolver) {
  {
    Resolver resolver(options(1));
    ASSERT_TRUE(ask(resolver, &a, "first"));
    gate->asked(1);
    ASSERT_TRUE(ask(resolver, &a, "second"));
  }
  lookups.clear();
  gate->open();
  EXPECT_EQ(*told, 0);
}

}  // namespace
}  // namespace godwit::outbound
