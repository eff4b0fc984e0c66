#include "runtime/worker.h"

#include <string>

#include <gtest/gtest.h>

#include "runtime/test_run.h"
#include "runtime/test_runtime.h"

namespace godwit::runtime {
namespace {

using namespace std::chrono_literals;
using test::TestRun;

// Takes a millisecond of the slice.
class SlowOutput final : public capability::OutputStream {
 public:
  MutableByteSpan prepare(std::size_t) override {
    std::this_thread::sleep_for(1ms);
    return bytes_;
  }
  void commit(std::size_t) override {}
  std::size_t room() const override { return bytes_.size(); }
  bool wait_writable(Waker*) override { return true; }
  void cancel_wait() override {}
  bool closed() const override { return false; }

 private:
  std::array<std::byte, 64> bytes_{};
};

TEST(Worker, HasNothingToDoAtFirst) {
  test::ManualLoop loop;
  EXPECT_FALSE(loop.worker().has_ready());
  EXPECT_FALSE(loop.worker().run_ready());
}

TEST(Worker, RunsOneReadyInvocationACallInTheOrderOfTheirWakeUps) {
  const test::Functions functions;
  test::ManualLoop loop;
  const auto f = functions.make("echo\n");
  TestRun a(loop), b(loop), c(loop);
  for (TestRun* run : {&a, &b, &c}) run->begin(f);
  for (TestRun* run : {&c, &a, &b}) run->input.end();
  std::string order;
  a.when_ended = [&] { order += 'a'; };
  b.when_ended = [&] { order += 'b'; };
  c.when_ended = [&] { order += 'c'; };
  EXPECT_TRUE(loop.worker().run_ready());
  EXPECT_EQ(order, "c");
  EXPECT_TRUE(loop.worker().has_ready());
  EXPECT_TRUE(loop.worker().run_ready());
  EXPECT_TRUE(loop.worker().run_ready());
  EXPECT_EQ(order, "cab");
  EXPECT_FALSE(loop.worker().run_ready());
}

TEST(Worker, OneThatIsWokenTwiceRunsOnce) {
  const test::Functions functions;
  test::ManualLoop loop;
  TestRun run(loop);
  run.begin(functions.make("echo\n"));
  run.input.push("a");
  run.invocation->wake();
  run.invocation->wake();
  EXPECT_TRUE(loop.worker().run_ready());
  EXPECT_FALSE(loop.worker().run_ready());
}

// The answer of the first would wait for the slice of the second.
TEST(Worker, WhatMayTakeLongGetsATurnOfItsOwn) {
  const test::Functions functions;
  test::ManualLoop loop;
  TestRun quick(loop), slow(loop);
  SlowOutput output;
  slow.standard_output = &output;
  quick.begin(functions.make("echo\n"));
  slow.begin(functions.make("write 1 x\necho\n"));
  slow.input.end();
  quick.input.end();
  loop.worker().run_turn();
  EXPECT_EQ(quick.ended, 1);
  EXPECT_EQ(slow.ended, 0);
  EXPECT_TRUE(loop.worker().has_ready());
  loop.worker().run_turn();
  EXPECT_EQ(slow.ended, 1);
}

// Sending what a guest prints can cost more than the guest.
TEST(Worker, WhatIsDoneForAFunctionOutsideItsGuestCounts) {
  const test::Functions functions;
  test::ManualLoop loop;
  TestRun flood(loop), other(loop);
  flood.begin(functions.make("echo\n"));
  other.begin(functions.make("echo\n"));
  std::string order;
  flood.when_ended = [&] { order += 'f'; };
  other.when_ended = [&] { order += 'o'; };
  flood.invocation->charge(1s);
  flood.input.end();
  other.input.end();
  loop.turn();
  EXPECT_EQ(order, "of");
  flood.invocation->charge(1s);  // until release(): the end of the response
}

// A connection goes on to send answers that no function gave.
// The other function did half a second of work while it ran: only if the second that was done for
// nobody were the first one's would that one have to wait for it.
TEST(Worker, WhatIsDoneAfterARunIsNobodys) {
  const test::Functions functions;
  test::ManualLoop loop;
  const auto f = functions.make("echo\n");
  const auto g = functions.make("echo\n");
  TestRun first(loop), other(loop);
  other.begin(g);
  other.invocation->charge(500ms);
  other.input.end();
  first.invocation->charge(1s);
  first.begin(f);
  first.input.end();
  loop.turn();
  first.invocation->release();
  other.invocation->release();
  first.invocation->charge(1s);
  TestRun again(loop), other_again(loop);
  std::string order;
  again.when_ended = [&] { order += 'f'; };
  other_again.when_ended = [&] { order += 'g'; };
  other_again.begin(g);
  again.begin(f);
  other_again.input.end();
  again.input.end();
  loop.turn();
  EXPECT_EQ(order, "fg");
}

TEST(Worker, TellsTheLoopOfTheEarliestDeadline) {
  const test::Functions functions;
  test::ManualLoop loop;
  TestRun late(loop), early(loop);
  late.begin(functions.make("wait\n", {.limits = {.timeout = 30s}}));
  ASSERT_TRUE(loop.last_wake_at());
  const TimePoint first = *loop.last_wake_at();
  early.begin(functions.make("wait\n", {.limits = {.timeout = 10s}}));
  EXPECT_LT(*loop.last_wake_at(), first);
  EXPECT_EQ(loop.last_wake_at(), loop.worker().timers().next_deadline());
  loop.fire_as_if(11s);
  EXPECT_EQ(early.ended, 1);
  EXPECT_EQ(late.ended, 0);
  EXPECT_EQ(loop.worker().timers().next_deadline(), first);
}

TEST(Worker, ItsGuestsDoNotGetTheSameRandomBytes) {
  const test::Functions functions;
  test::ManualLoop loop;
  const auto f = functions.make(
      "call random_get 0x100 8\nexpect 0\n"
      // iovec {0x100, 8} at 0x200
      "store32 0x200 0x100\nstore32 0x204 8\ncall fd_write 1 0x200 1 0x300\n");
  TestRun a(loop), b(loop);
  a.begin(f);
  b.begin(f);
  EXPECT_EQ(a.output.text().size(), 8u);
  EXPECT_NE(a.output.text(), b.output.text());
}

}  // namespace
}  // namespace godwit::runtime
