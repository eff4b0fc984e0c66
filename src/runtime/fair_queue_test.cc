#include "runtime/fair_queue.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::runtime {
namespace {

using namespace std::chrono_literals;

struct Job final : Runnable {
  explicit Job(std::string its_name = "") : name(std::move(its_name)) {}
  void go_on() override {}
  std::string name;
};

std::shared_ptr<FunctionGate> gate() {
  return std::make_shared<FunctionGate>(FunctionGate::Limits{});
}

class FairQueueTest : public testing::Test {
 protected:
  void push(Job& job, FunctionShare& share, Stage stage = Stage::kYoung,
            Place place = Place::kBack) {
    queue_.push(job, share, stage, place);
  }
  std::string pop() {
    auto* const job = static_cast<Job*>(queue_.pop());
    return job == nullptr ? "-" : job->name;
  }

  // The names of the next `count`.
  std::string pop(int count) {
    std::string names;
    for (int i = 0; i < count; ++i) names += pop();
    return names;
  }

  Purse purse_{{}};
  FairQueue queue_{{.memory = purse_, .places = purse_}};
};

TEST_F(FairQueueTest, IsEmptyAtFirst) {
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(pop(), "-");
}

TEST_F(FairQueueTest, OneFunctionIsServedInOrder) {
  FunctionShare& share = queue_.share_of(gate());
  share.users = 1;
  Job a("a"), b("b"), c("c"), d("d");
  push(a, share);
  push(b, share);
  push(c, share, Stage::kYoung, Place::kFront);
  push(d, share);
  EXPECT_FALSE(queue_.empty());
  queue_.remove(b);
  EXPECT_FALSE(b.queued());
  EXPECT_EQ(pop(4), "cad-");
}

// 1000 loops against one: both functions get the same time.
TEST_F(FairQueueTest, TimeIsSharedAmongFunctionsNotRequests) {
  FunctionShare& crowd = queue_.share_of(gate());
  FunctionShare& single = queue_.share_of(gate());
  crowd.users = single.users = 1;
  std::vector<std::unique_ptr<Job>> loops;
  for (int i = 0; i < 1000; ++i) push(*loops.emplace_back(new Job("crowd")), crowd);
  Job alone("alone");
  push(alone, single);
  std::map<std::string, int> turns;
  for (int i = 0; i < 2000; ++i) {
    auto* const job = static_cast<Job*>(queue_.pop());
    ++turns[job->name];
    FunctionShare& share = job == &alone ? single : crowd;
    queue_.charge(share, 1ms);
    push(*job, share);
  }
  EXPECT_EQ(turns["crowd"], 1000);
  EXPECT_EQ(turns["alone"], 1000);
  queue_.remove(alone);
}

// Also when their slices are of different lengths: the time is the same, not the turns.
TEST_F(FairQueueTest, ShortSlicesComeMoreOften) {
  FunctionShare& slow = queue_.share_of(gate());
  FunctionShare& quick = queue_.share_of(gate());
  slow.users = quick.users = 1;
  Job a("slow"), b("quick");
  push(a, slow);
  push(b, quick);
  std::map<std::string, int> turns;
  for (int i = 0; i < 1100; ++i) {
    auto* const job = static_cast<Job*>(queue_.pop());
    ++turns[job->name];
    FunctionShare& share = job == &a ? slow : quick;
    queue_.charge(share, job == &a ? 1000us : 100us);
    push(*job, share);
  }
  EXPECT_NEAR(turns["slow"], 100, 1);
  EXPECT_NEAR(turns["quick"], 1000, 1);
  queue_.remove(a);
  queue_.remove(b);
}

// Who comes after a pause is next, but an hour of idleness is not an hour of credit.
TEST_F(FairQueueTest, IdlenessEarnsLittle) {
  FunctionShare& busy = queue_.share_of(gate());
  FunctionShare& visitor = queue_.share_of(gate());
  busy.users = visitor.users = 1;
  Job loop("loop"), visit("visit");
  push(loop, busy);
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(pop(), "loop");
    queue_.charge(busy, 1ms);
    push(loop, busy);
  }
  push(visit, visitor);
  int visits = 0;
  for (int i = 0; i < 150; ++i) {
    auto* const job = static_cast<Job*>(queue_.pop());
    if (i < 10) {
      EXPECT_EQ(job->name, "visit");
    }
    visits += job == &visit ? 1 : 0;
    FunctionShare& share = job == &visit ? visitor : busy;
    queue_.charge(share, 1ms);
    push(*job, share);
  }
  // A start, and half of the rest.
  EXPECT_GE(visits, 75 + 3);
  EXPECT_LE(visits, 75 + 10);
  queue_.remove(loop);
  queue_.remove(visit);
}

// Three that come back from idleness at once: they take turns, before all that have had their part.
TEST_F(FairQueueTest, ThoseThatHaveHadLessTakeTurns) {
  std::vector<FunctionShare*> shares;
  std::vector<std::unique_ptr<Job>> jobs;
  for (const char* const name : {"a", "b", "c", "B", "C"}) {
    shares.push_back(&queue_.share_of(gate()));
    shares.back()->users = 1;
    jobs.emplace_back(new Job(name));
  }
  const auto serve = [&](int turns, Nanoseconds time) {
    std::string order;
    for (int i = 0; i < turns; ++i) {
      auto* const job = static_cast<Job*>(queue_.pop());
      order += job->name;
      for (std::size_t at = 0; at < jobs.size(); ++at) {
        if (jobs[at].get() != job) continue;
        queue_.charge(*shares[at], time);
        push(*job, *shares[at]);
      }
    }
    return order;
  };
  push(*jobs[3], *shares[3]);
  push(*jobs[4], *shares[4]);
  serve(200, 1ms);
  for (int i = 0; i < 3; ++i) push(*jobs[i], *shares[i]);
  // Not in the order of what they have had: one that has had nothing would go on and on.
  queue_.charge(*shares[0], 2ms);
  EXPECT_EQ(serve(6, 1ms), "abcabc");
  // All together keep the others waiting for a bounded time only.
  const std::string order = serve(100, 1ms);
  EXPECT_LT(order.find_first_of("BC"), 50u) << order;
  for (const auto& job : jobs) queue_.remove(*job);
}

// 40 that come back one after the other, each with all it has saved: who waits for them falls
// behind itself, and has its turns.
TEST_F(FairQueueTest, NobodyWaitsForOneReturnerAfterAnother) {
  FunctionShare& victim = queue_.share_of(gate());
  victim.users = 1;
  Job waits("v");
  push(waits, victim);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(pop(), "v");
    queue_.charge(victim, 1ms);
    push(waits, victim);
  }
  int waited = 0;
  int longest = 0;
  for (int returner = 0; returner < 40; ++returner) {
    FunctionShare& share = queue_.share_of(gate());
    share.users = 1;
    Job job("r");
    push(job, share);
    for (int served = 0; served < 25;) {
      auto* const next = static_cast<Job*>(queue_.pop());
      waited = next == &waits ? 0 : waited + 1;
      longest = std::max(longest, waited);
      queue_.charge(next == &waits ? victim : share, 1ms);
      served += next == &job ? 1 : 0;
      if (next == &waits || served < 25) push(*next, next == &waits ? victim : share);
    }
    share.users = 0;
  }
  EXPECT_LE(longest, 15);
  queue_.remove(waits);
}

TEST_F(FairQueueTest, TellsHowLongTheNextMayTake) {
  FunctionShare& slow = queue_.share_of(gate());
  FunctionShare& quick = queue_.share_of(gate());
  slow.users = quick.users = 1;
  EXPECT_EQ(queue_.next_time(), 0ns);
  queue_.note_slice(slow, 1ms);
  queue_.note_slice(slow, 1us);
  queue_.note_slice(quick, 20us);
  queue_.charge(slow, 1us);
  Job a("slow"), b("quick");
  push(a, slow);
  push(b, quick);
  EXPECT_EQ(queue_.next_time(), 20us);
  EXPECT_EQ(pop(), "quick");
  EXPECT_EQ(queue_.next_time(), 500us) << "of late";
  EXPECT_EQ(pop(), "slow");
}

// What ran at once counts as much as what was queued.
TEST_F(FairQueueTest, TimeUsedAtOnceIsOwed) {
  FunctionShare& flood = queue_.share_of(gate());
  FunctionShare& other = queue_.share_of(gate());
  flood.users = other.users = 1;
  queue_.run_at_once(other);
  queue_.charge(other, 1ms);
  for (int i = 0; i < 20; ++i) {
    queue_.run_at_once(flood);
    queue_.charge(flood, 1ms);
  }
  Job a("flood"), b("other");
  push(a, flood);
  push(b, other);
  EXPECT_EQ(pop(), "other");
  EXPECT_EQ(pop(), "flood");
}

TEST_F(FairQueueTest, WhatHasBegunIsFinishedFirst) {
  FunctionShare& share = queue_.share_of(gate());
  share.users = 1;
  Job fresh("fresh"), young("young");
  push(fresh, share, Stage::kFresh);
  push(young, share, Stage::kYoung);
  EXPECT_EQ(pop(), "young");
  EXPECT_EQ(pop(), "fresh");
}

TEST_F(FairQueueTest, OldOnesGetEveryFourthTurn) {
  FunctionShare& share = queue_.share_of(gate());
  share.users = 1;
  Job old_one("O"), young("y"), fresh("f");
  push(old_one, share, Stage::kOld);
  push(young, share, Stage::kYoung);
  push(fresh, share, Stage::kFresh);
  std::string order;
  for (int i = 0; i < 8; ++i) {
    auto* const job = static_cast<Job*>(queue_.pop());
    order += job->name;
    push(*job, share, job == &old_one ? Stage::kOld : Stage::kYoung);
  }
  EXPECT_EQ(std::count(order.begin(), order.end(), 'O'), 2) << order;
  queue_.remove(young);
  queue_.remove(fresh);
  EXPECT_EQ(pop(2), "O-") << "alone it gets every turn";
}

TEST_F(FairQueueTest, BlockedStartsWaitButOthersOfTheFunctionGoOn) {
  FunctionShare& share = queue_.share_of(gate());
  share.users = 1;
  Job fresh("fresh"), young("young");
  push(fresh, share, Stage::kFresh);
  share.starts_blocked = true;
  queue_.update(share);
  EXPECT_TRUE(queue_.empty());
  push(young, share);
  EXPECT_EQ(pop(), "young");
  EXPECT_EQ(pop(), "-");
  share.starts_blocked = false;
  queue_.update(share);
  EXPECT_EQ(pop(), "fresh");
}

TEST_F(FairQueueTest, TheNewestOfTheFreshCanBeTaken) {
  FunctionShare& share = queue_.share_of(gate());
  share.users = 1;
  Job a("a"), b("b"), c("c"), young("young");
  EXPECT_EQ(queue_.pop_newest(share), nullptr);
  for (Job* job : {&a, &b, &c}) push(*job, share, Stage::kFresh);
  push(young, share);
  EXPECT_EQ(queue_.pop_newest(share), &c);
  EXPECT_EQ(pop(3), "youngab");
  EXPECT_EQ(queue_.pop_newest(share), nullptr);
}

TEST_F(FairQueueTest, IdleSharesAreForgottenDebtorsAreNot) {
  const auto debtor_gate = gate();
  FunctionShare& debtor = queue_.share_of(debtor_gate);
  queue_.charge(debtor, 1h);
  for (int i = 0; i < 10'000; ++i) queue_.share_of(gate());
  EXPECT_LT(queue_.share_count(), 200u);
  EXPECT_EQ(&queue_.share_of(debtor_gate), &debtor);
  Job a("debtor"), b("other");
  FunctionShare& other = queue_.share_of(gate());
  debtor.users = other.users = 1;
  push(a, debtor);
  push(b, other);
  EXPECT_EQ(pop(), "other");
  EXPECT_EQ(pop(), "debtor");
}

}  // namespace
}  // namespace godwit::runtime
