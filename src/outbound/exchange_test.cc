// What goes over the wire: requests as they are sent, answers as they are read.
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/body_pipe.h"
#include "outbound/test_peer.h"
#include "outbound/test_world.h"

namespace godwit::outbound {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

constexpr const char* kHi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\n\r\nhi";

// Answers each request with its own head and body.
void echo(TestConnection& connection) {
  while (true) {
    const std::string head = connection.read_head();
    if (head.empty()) return;
    std::string body;
    if (head.find("chunked") != std::string::npos) {
      body = connection.read_chunked();
    } else if (const auto at = head.find("Content-Length: "); at != std::string::npos) {
      body = connection.read_bytes(std::stoul(head.substr(at + 16)));
    }
    const std::string text = head + body;
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) +
                     "\r\n\r\n" + text);
  }
}

TEST(OutboundExchange, APlainAnswer) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write(kHi);
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url() + "/a/../b?c=%20d"));
  EXPECT_EQ(answer.failure, std::nullopt);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.body_failure, std::nullopt);
  EXPECT_EQ(answer.field("X-One"), "1");
  EXPECT_TRUE(answer.trailers.empty());
}

TEST(OutboundExchange, TheRequestIsWhatTheGuestSaidAndNoMore) {
  TestPeer peer(echo);
  TestWorld world({peer.url()});
  OutboundRequest request = get(peer.url() + "/a/../b?c=%20d|{x}");
  ASSERT_TRUE(request.fields.append("x-mine", "1"));
  ASSERT_TRUE(request.fields.append("x-mine", "2"));
  ASSERT_TRUE(request.fields.append("x-empty", ""));
  for (const char* const ours : {"host", "Connection", "transfer-encoding", "expect", "upgrade"}) {
    ASSERT_TRUE(request.fields.append(ours, "evil"));
  }
  const TestAnswer answer = world.fetch(std::move(request));
  EXPECT_EQ(answer.body,
            "GET /a/../b?c=%20d|{x} HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) +
                "\r\nx-mine: 1\r\nx-mine: 2\r\nx-empty:\r\n\r\n");
}

TEST(OutboundExchange, ABodyThatIsWholeGoesWithItsLength) {
  TestPeer peer(echo);
  TestWorld world({peer.url()});
  for (const char* const method : {"POST", "PUT", "DELETE", "PROPFIND"}) {
    const TestAnswer answer = world.fetch(get(peer.url() + "/", method), "some text");
    EXPECT_THAT(answer.body, StartsWith(std::string(method) + " / HTTP/1.1\r\n"));
    EXPECT_THAT(answer.body, HasSubstr("Content-Length: 9\r\n"));
    EXPECT_THAT(answer.body, HasSubstr("\r\n\r\nsome text"));
    EXPECT_THAT(answer.body, Not(HasSubstr("chunked")));
    EXPECT_THAT(answer.body, Not(HasSubstr("Expect")));
  }
  EXPECT_EQ(peer.connections(), 1);
}

TEST(OutboundExchange, AnEmptyBodySaysSoWhereOneIsExpected) {
  TestPeer peer(echo);
  TestWorld world({peer.url()});
  EXPECT_THAT(world.fetch(get(peer.url(), "POST")).body, HasSubstr("Content-Length: 0\r\n"));
  EXPECT_THAT(world.fetch(get(peer.url(), "DELETE")).body, Not(HasSubstr("Content-Length")));
}

TEST(OutboundExchange, ABodyThatIsNotWholeYetGoesInChunksWithItsTrailers) {
  TestPeer peer(echo);
  TestWorld world({peer.url()});
  http::Fields trailers;
  ASSERT_TRUE(trailers.append("x-sum", "42"));
  TestAnswer answer = world.fetch(get(peer.url(), "POST"), "some text", &trailers);
  EXPECT_THAT(answer.body, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer.body, HasSubstr("\r\n9\r\nsome text\r\n0\r\nx-sum: 42\r\n\r\n"));

  auto call = world.start(get(peer.url(), "POST"));
  world.loop.settle();  // the guest gives way before it writes
  const auto write = [&](std::string_view text) {
    const MutableByteSpan room = call->request_body().prepare(text.size());
    ASSERT_EQ(room.size(), text.size());
    std::copy_n(as_bytes(text).begin(), text.size(), room.begin());
    call->request_body().commit(text.size());
    world.loop.settle();
  };
  write("one");
  write("two");
  call->finish_request(&trailers);
  answer = {};
  ASSERT_TRUE(world.loop.run_until([&] { return TestWorld::read(*call, answer); }));
  EXPECT_THAT(answer.body, HasSubstr("3\r\none\r\n3\r\ntwo\r\n0\r\nx-sum: 42\r\n\r\n"));

  call = world.start(get(peer.url(), "POST"));
  world.loop.settle();
  write("alone");
  call->finish_request(nullptr);
  answer = {};
  ASSERT_TRUE(world.loop.run_until([&] { return TestWorld::read(*call, answer); }));
  EXPECT_THAT(answer.body, HasSubstr("5\r\nalone\r\n0\r\n\r\n"));
}

TEST(OutboundExchange, ConnectionsAreKept) {
  TestPeer peer(echo);
  TestWorld world({peer.url()});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(world.fetch(get(peer.url())).status, 200);
    world.renew();
  }
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(world.client.calls(), 0U);
}

TEST(OutboundExchange, AKeptConnectionThatWasClosedIsReplaced) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.read_bytes(3);
    connection.write(kHi);  // and closes, although it did not say so
  });
  TestWorld world({peer.url()});
  for (int i = 0; i < 3; ++i) {
    const TestAnswer answer = world.fetch(get(peer.url(), "PUT"), "abc");
    EXPECT_EQ(answer.body, "hi") << (answer.failure ? outbound_failure_text(*answer.failure) : "");
  }
  EXPECT_EQ(peer.connections(), 3);
}

TEST(OutboundExchange, EveryStatusIsAnAnswerAndRedirectsAreNotFollowed) {
  for (const int status : {200, 204, 206, 301, 302, 304, 307, 401, 404, 407, 429, 500, 503, 599}) {
    TestPeer peer([&](auto& connection) {
      connection.read_head();
      connection.write("HTTP/1.1 " + std::to_string(status) +
                       "\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    });
    TestWorld world({peer.url()});
    const TestAnswer answer = world.fetch(get(peer.url()));
    EXPECT_EQ(answer.failure, std::nullopt);
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(peer.connections(), 1);
  }
}

TEST(OutboundExchange, ProvisionalAnswersArePassedOver) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    connection.write(kHi);
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url()));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Link"), "(none)");
}

TEST(OutboundExchange, HeadHasNoBody) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    connection.read_to_end();
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url(), "HEAD"));
  EXPECT_EQ(answer.failure, std::nullopt);
  EXPECT_EQ(answer.field("Content-Length"), "1000");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.body_failure, std::nullopt);
}

TEST(OutboundExchange, ChunksAndTrailersOfTheAnswer) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\nx-end: yes\r\n\r\n");
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url()));
  EXPECT_EQ(answer.body, "abcde");
  EXPECT_THAT(answer.trailers, ElementsAre(Pair("x-sum", "5"), Pair("x-end", "yes")));
}

TEST(OutboundExchange, NothingIsDecompressed) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08-x");
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url()));
  EXPECT_EQ(answer.body, "\x1f\x8b\x08-x");
  EXPECT_EQ(answer.field("Content-Encoding"), "gzip");
}

TEST(OutboundExchange, AnAnswerMayEndWithItsConnection) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.0 200 OK\r\n\r\nall of it");
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url()));
  EXPECT_EQ(answer.body, "all of it");
  EXPECT_EQ(answer.body_failure, std::nullopt);
}

TEST(OutboundExchange, AnAnswerMayComeBeforeTheRequestIsWhole) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write(kHi);
    connection.read_chunked();
  });
  TestWorld world({peer.url()});
  auto call = world.start(get(peer.url(), "POST"));
  TestAnswer answer;
  // The answer is whole although the guest has not finished.
  ASSERT_TRUE(world.loop.run_until([&] { return TestWorld::read(*call, answer); }));
  EXPECT_EQ(answer.body, "hi");
  call->finish_request(nullptr);
  ASSERT_TRUE(world.loop.run_until([&] { return world.client.calls() == 0; }));
  EXPECT_EQ(call->body_failure(), std::nullopt);
}

TEST(OutboundExchange, BigBodiesBothWaysInBoundedMemory) {
  constexpr std::size_t kBytes = std::size_t{24} << 20;
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBytes) + "\r\n\r\n");
    for (std::size_t done = 0; done < kBytes;) {
      const std::string part = connection.read_bytes(std::size_t{64} << 10);
      if (part.empty() || !connection.write(part)) return;
      done += part.size();
    }
  });
  TestWorld world({peer.url()});
  OutboundRequest request = get(peer.url(), "PUT");
  request.content_length = kBytes;
  auto call = world.start(std::move(request));
  std::size_t written = 0, got = 0, most = 0;
  bool same = true;
  const auto byte_at = [](std::size_t at) { return static_cast<std::byte>(at * 31 >> 8); };
  const auto step = [&] {
    while (written < kBytes) {
      const MutableByteSpan room = call->request_body().prepare(kBytes - written);
      if (room.empty()) break;
      for (std::byte& byte : room) byte = byte_at(written++);
      call->request_body().commit(room.size());
    }
    if (written == kBytes) call->finish_request(nullptr);
    if (call->state() != OutboundState::kResponse) return false;
    most = std::max(most, call->response_body().available());
    std::array<std::byte, 8192> buffer{};
    while (true) {
      const auto read = call->response_body().read(buffer);
      if (read.status == capability::ReadStatus::kEnd) return true;
      if (read.status == capability::ReadStatus::kPending) return false;
      for (std::size_t i = 0; i < read.size; ++i) same &= buffer.at(i) == byte_at(got++);
    }
  };
  ASSERT_TRUE(world.loop.run_until(step));
  EXPECT_EQ(got, kBytes);
  EXPECT_TRUE(same);
  EXPECT_EQ(call->body_failure(), std::nullopt);
  EXPECT_LE(most, http::BodyPipe::kHighBytes);
}

TEST(OutboundExchange, AGuestThatDoesNotReadHoldsThePeer) {
  std::atomic<std::size_t> sent{0};
  TestPeer peer([&](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\n\r\n");
    const std::string part(std::size_t{64} << 10, 'x');
    while (sent < (std::size_t{200} << 20) && connection.write(part)) sent += part.size();
  });
  TestWorld world({peer.url()});
  auto call = world.start(get(peer.url()));
  call->finish_request(nullptr);
  std::size_t before = 1;
  int still = 0;
  // Until the peer has stopped for a while: its buffers and ours are full.
  ASSERT_TRUE(world.loop.run_until([&] {
    still = sent == before ? still + 1 : 0;
    before = sent;
    return still > 10 && before > 0;
  }));
  EXPECT_LE(call->response_body().available(), http::BodyPipe::kHighBytes);
  EXPECT_LT(sent, std::size_t{64} << 20);
  call.reset();
}

TEST(OutboundExchange, WakesAreOneShotAndCanBeTakenBack) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write(kHi);
  });
  TestWorld world({peer.url()});
  capability::CountingWaker waker, other;
  auto call = world.start(get(peer.url()));
  call->finish_request(nullptr);
  EXPECT_TRUE(call->wait_response(&other));
  EXPECT_TRUE(call->wait_response(&waker));  // replaces
  TestAnswer answer;
  ASSERT_TRUE(world.loop.run_until([&] { return TestWorld::read(*call, answer); }));
  EXPECT_EQ(waker.count(), 1);
  EXPECT_EQ(other.count(), 0);
  EXPECT_FALSE(call->wait_response(&waker));
  EXPECT_FALSE(call->response_body().wait_readable(&waker));

  auto second = world.start(get(peer.url()));
  EXPECT_TRUE(second->wait_response(&waker));
  second->cancel_wait();
  second->finish_request(nullptr);
  answer = {};
  ASSERT_TRUE(world.loop.run_until([&] { return TestWorld::read(*second, answer); }));
  EXPECT_EQ(waker.count(), 1);
}

TEST(OutboundExchange, ACallMayBeDroppedAtAnyMoment) {
  TestPeer peer([](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    connection.read_bytes(1);
    connection.write("4\r\nefgh\r\n0\r\n\r\n");
  });
  TestWorld world({peer.url(), "http://slow.test"});
  for (int turns = 0; turns < 12; ++turns) {
    auto call = world.start(get(peer.url(), "POST"));
    auto named = world.start(get("http://slow.test/"));
    int left = turns;
    ASSERT_TRUE(world.loop.run_until([&] { return left-- == 0; }));
    call.reset();
    named.reset();
    world.loop.settle();
    EXPECT_EQ(world.client.calls(), 0U);
  }
}

TEST(OutboundExchange, TheInvocationMayEndWithCallsUnderWay) {
  TestPeer peer([](auto& connection) { connection.read_to_end(); });
  TestWorld world({peer.url()});
  auto call = world.start(get(peer.url()));
  world.loop.settle();
  call.reset();
  world.http.reset();
  world.loop.settle();
  EXPECT_EQ(world.client.calls(), 0U);
}

}  // namespace
}  // namespace godwit::outbound
