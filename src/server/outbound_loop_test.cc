#include "server/outbound_loop.h"

#include <functional>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/worker.h"

namespace godwit::server {
namespace {

using std::chrono::milliseconds;

struct Pair {
  Pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    ours = Fd(fds[0]);
    theirs = Fd(fds[1]);
  }
  Fd ours, theirs;
};

struct OnSocket final : outbound::SocketObserver {
  explicit OnSocket(std::function<void(bool, bool)> act_on) : act(std::move(act_on)) {}
  void on_socket(int, bool readable, bool writable) noexcept override { act(readable, writable); }
  std::function<void(bool, bool)> act;
};

struct OnTimer final : outbound::TimerObserver {
  explicit OnTimer(std::function<void()> act_on) : act(std::move(act_on)) {}
  void on_timer() noexcept override { act(); }
  std::function<void()> act;
};

class OutboundLoopTest : public testing::Test {
 protected:
  OutboundLoopTest() : worker_(loop_) { loop_.attach(worker_); }

  EventLoop loop_;
  OutboundLoop outbound_{loop_};
  runtime::Worker worker_;
};

TEST_F(OutboundLoopTest, TellsForAsLongAsItIsSo) {
  const Pair pair;
  int told = 0;
  std::unique_ptr<outbound::SocketWatch> watch;
  OnSocket observer([&](bool readable, bool writable) {
    EXPECT_TRUE(readable);
    EXPECT_FALSE(writable);
    if (++told == 3) {  // nothing was read meanwhile
      watch.reset();
      loop_.stop();
    }
  });
  watch = outbound_.watch(pair.ours.get(), observer);
  watch->want(true, false);
  ASSERT_EQ(::write(pair.theirs.get(), "x", 1), 1);
  loop_.run();
  EXPECT_EQ(told, 3);
}

TEST_F(OutboundLoopTest, TellsOnlyWhatIsWanted) {
  const Pair pair;
  ASSERT_EQ(::write(pair.theirs.get(), "x", 1), 1);
  int read = 0, wrote = 0;
  std::unique_ptr<outbound::SocketWatch> watch;
  OnSocket observer([&](bool readable, bool writable) {
    read += readable;
    wrote += writable;
    if (wrote == 2) watch->want(true, false);
    if (read == 2) {
      watch->want(false, false);
      loop_.post([&] { loop_.stop(); });
    }
  });
  watch = outbound_.watch(pair.ours.get(), observer);
  watch->want(false, true);
  loop_.run();
  EXPECT_EQ(wrote, 2);
  EXPECT_EQ(read, 2);
}

TEST_F(OutboundLoopTest, AWatchThatIsGoneIsSilentAndLeavesTheSocketOpen) {
  const Pair pair;
  OnSocket observer([](bool, bool) { FAIL(); });
  auto watch = outbound_.watch(pair.ours.get(), observer);
  watch->want(true, true);
  ASSERT_EQ(::write(pair.theirs.get(), "x", 1), 1);
  watch.reset();
  loop_.post([&] { loop_.stop(); });
  loop_.run();
  char byte = 0;
  EXPECT_EQ(::read(pair.ours.get(), &byte, 1), 1);
}

TEST_F(OutboundLoopTest, TimersFireOnceAndCanBeTakenBack) {
  int fired = 0;
  OnTimer once([&] { ++fired; });
  OnTimer last([&] { loop_.stop(); });
  OnTimer never([] { FAIL(); });
  auto first = outbound_.timer(once);
  auto second = outbound_.timer(never);
  auto third = outbound_.timer(never);
  auto end = outbound_.timer(last);
  const TimePoint now = monotonic_now();
  first->arm(now + std::chrono::hours(1));
  first->arm(now);
  second->arm(now);
  second->cancel();
  third->arm(now);
  third.reset();
  end->arm(now + milliseconds(5));
  loop_.run();
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace godwit::server
