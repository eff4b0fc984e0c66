#include "runtime/timer_queue.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace godwit::runtime {
namespace {

using std::chrono::milliseconds;

class Recorder final : public TimerNode {
 public:
  Recorder(std::vector<int>& fired, int id) : fired_(fired), id_(id) {}
  TimerQueue* rearm_in = nullptr;

 private:
  void on_timer() noexcept override {
    fired_.push_back(id_);
    if (rearm_in != nullptr) rearm_in->arm(*this, TimePoint{});
  }
  std::vector<int>& fired_;
  int id_;
};

TimePoint at(int ms) { return TimePoint{} + milliseconds(ms); }

TEST(TimerQueue, FiresInOrderAndOnlyWhatIsDue) {
  TimerQueue queue;
  std::vector<int> fired;
  Recorder a(fired, 1), b(fired, 2), c(fired, 3);
  queue.arm(a, at(30));
  queue.arm(b, at(10));
  queue.arm(c, at(20));
  EXPECT_EQ(queue.next_deadline(), at(10));
  queue.fire_due(at(20));
  EXPECT_EQ(fired, (std::vector<int>{2, 3}));
  EXPECT_FALSE(b.armed());
  EXPECT_TRUE(a.armed());
}

TEST(TimerQueue, RearmingMovesAndCancellingForgets) {
  TimerQueue queue;
  std::vector<int> fired;
  Recorder a(fired, 1), b(fired, 2);
  queue.arm(a, at(10));
  queue.arm(b, at(20));
  queue.arm(a, at(30));
  queue.fire_due(at(25));
  EXPECT_EQ(fired, (std::vector<int>{2}));
  queue.cancel(a);
  queue.cancel(a);
  queue.fire_due(at(100));
  EXPECT_EQ(fired, (std::vector<int>{2}));
  EXPECT_EQ(queue.next_deadline(), std::nullopt);
}

TEST(TimerQueue, ANodeThatDiesIsForgotten) {
  TimerQueue queue;
  std::vector<int> fired;
  {
    Recorder a(fired, 1);
    queue.arm(a, at(1));
  }
  EXPECT_EQ(queue.size(), 0u);
  queue.fire_due(at(2));
  EXPECT_TRUE(fired.empty());
}

TEST(TimerQueue, ANodeThatRearmsInThePastCannotHoldTheWorker) {
  TimerQueue queue;
  std::vector<int> fired;
  Recorder a(fired, 1);
  a.rearm_in = &queue;
  queue.arm(a, at(1));
  queue.fire_due(at(5));
  EXPECT_EQ(fired.size(), 1u);
}

TEST(TimerQueue, AgreesWithASortedListUnderRandomUse) {
  std::mt19937 random(7);
  TimerQueue queue;
  std::vector<int> fired;
  std::vector<std::unique_ptr<Recorder>> nodes;
  std::vector<int> when(200, -1);
  for (int i = 0; i < 200; ++i) nodes.push_back(std::make_unique<Recorder>(fired, i));
  for (int step = 0; step < 5000; ++step) {
    const auto i = static_cast<std::size_t>(random() % 200);
    if (random() % 3 == 0) {
      queue.cancel(*nodes[i]);
      when[i] = -1;
    } else {
      when[i] = static_cast<int>(random() % 1000);
      queue.arm(*nodes[i], at(when[i]));
    }
  }
  std::vector<int> expected;
  for (const int w : when) {
    if (w >= 0) expected.push_back(w);
  }
  std::sort(expected.begin(), expected.end());
  queue.fire_due(at(1000));
  ASSERT_EQ(fired.size(), expected.size());
  for (std::size_t i = 0; i < fired.size(); ++i) {
    EXPECT_EQ(when[static_cast<std::size_t>(fired[i])], expected[i]);
  }
}

}  // namespace
}  // namespace godwit::runtime
