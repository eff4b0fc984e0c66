#include "server/outbound_loop.h"

#include <functional>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "outbound/test_peer.h"
#include "outbound/test_world.h"
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

TEST_F(OutboundLoopTest, WhatCantBeWatchedIsSaidWithoutThrowing) {
  constexpr int kNoSocket = 1'000'000;  // no descriptor of ours
  OnSocket observer([](bool, bool) { FAIL(); });
  EXPECT_EQ(outbound_.watch(kNoSocket, observer), nullptr);
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

TEST_F(OutboundLoopTest, CallsGoOverIt) {
  constexpr std::size_t kBytes = std::size_t{2} << 20;
  const outbound::TestTls tls("api.test");
  outbound::TestPeer peer(
      [](auto& connection) {
        while (!connection.read_head().empty()) {
          const std::string body = connection.read_bytes(kBytes);
          connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n\r\n" + body);
        }
      },
      tls.context());
  outbound::global_setup();
  outbound::Resolver resolver({.resolve = [](const std::string&) {
    return outbound::Resolution{.addresses = {*IpAddress::parse("127.0.0.1")}};
  }});
  outbound::Client client(
      outbound_, {.roots = outbound::TrustRoots::of_pem(tls.root_pem()), .resolver = &resolver});
  const std::string url = peer.url("https", "api.test");
  auto http = client.open(outbound::grant_of({url, peer.url("https")}));
  outbound::OutboundRequest request = outbound::get(url, "PUT");
  request.content_length = kBytes;
  auto call = std::move(*http->start(std::move(request)));
  std::size_t written = 0;
  outbound::TestAnswer answer;
  std::unique_ptr<outbound::LoopTimer> timer;
  OnTimer step([&] {
    while (written < kBytes) {
      const MutableByteSpan room = call->request_body().prepare(kBytes - written);
      if (room.empty()) break;
      std::fill(room.begin(), room.end(), std::byte{'x'});
      call->request_body().commit(room.size());
      written += room.size();
    }
    if (written == kBytes) call->finish_request(nullptr);
    if (outbound::TestWorld::read(*call, answer)) return loop_.stop();
    timer->arm(monotonic_now() + std::chrono::microseconds(200));
  });
  timer = outbound_.timer(step);
  timer->arm(monotonic_now());
  loop_.run();
  EXPECT_EQ(answer.failure, std::nullopt);
  EXPECT_EQ(answer.body.size(), kBytes);
  EXPECT_EQ(answer.body_failure, std::nullopt);
}

}  // namespace
}  // namespace godwit::server
