// Who may speak for a name: certificates.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/body_pipe.h"
#include "outbound/test_peer.h"
#include "outbound/test_world.h"

namespace godwit::outbound {
namespace {

void say_hi(TestConnection& connection) {
  while (!connection.read_head().empty()) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  }
}

// What https://api.test says to someone who trusts `root_pem`.
TestAnswer ask(const TestTls& tls, const std::string& root_pem) {
  TestPeer peer(say_hi, tls.context());
  TestWorld world({peer.url("https", "api.test"), peer.url("https")}, root_pem);
  world.names->answer("api.test", "127.0.0.1");
  TestAnswer answer = world.fetch(get(peer.url("https", "api.test")));
  EXPECT_EQ(world.fetch(get(peer.url("https", "api.test"))).status, answer.status);
  if (answer.status == 200) {
    EXPECT_EQ(peer.connections(), 1);
  }
  return answer;
}

TEST(OutboundTls, AGoodCertificate) {
  const TestTls tls("api.test");
  const TestAnswer answer = ask(tls, tls.root_pem());
  EXPECT_EQ(answer.failure, std::nullopt);
  EXPECT_EQ(answer.body, "hi");
}

TEST(OutboundTls, NobodyIsTrustedWithoutARoot) {
  const TestTls tls("api.test");
  EXPECT_EQ(ask(tls, "").failure, OutboundFailure::kTlsCertificateError);
  const TestTls other("api.test");
  EXPECT_EQ(ask(tls, other.root_pem()).failure, OutboundFailure::kTlsCertificateError);
}

TEST(OutboundTls, BadCertificates) {
  for (const auto flaw :
       {TestTls::Flaw::kOtherName, TestTls::Flaw::kExpired, TestTls::Flaw::kSelfSigned}) {
    const TestTls tls("api.test", flaw);
    EXPECT_EQ(ask(tls, tls.root_pem()).failure, OutboundFailure::kTlsCertificateError)
        << static_cast<int>(flaw);
  }
}

TEST(OutboundTls, WhatIsNoTls) {
  const TestTls tls("api.test");
  TestPeer peer([](auto& connection) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    connection.read_to_end();
  });
  TestWorld world({peer.url("https")}, tls.root_pem());
  EXPECT_EQ(world.fetch(get(peer.url("https"))).failure, OutboundFailure::kTlsProtocolError);
}

// HTTP/2, frame by frame (RFC 9113 section 4.1; the fields after RFC 7541).
std::string frame(std::size_t size, char type, char flags) {
  return {static_cast<char>(size >> 16),
          static_cast<char>(size >> 8),
          static_cast<char>(size),
          type,
          flags,
          0,
          0,
          0,
          static_cast<char>(type == 4 ? 0 : 1)};
}

// Reads up to the request's fields. False: the client has gone.
bool read_http2_request(TestConnection& connection) {
  connection.read_bytes(24);  // the preface
  connection.write(frame(0, 4, 0));
  while (true) {
    const std::string head = connection.read_bytes(9);
    if (head.size() < 9) return false;
    const std::size_t size =
        static_cast<unsigned char>(head[1]) * 256U + static_cast<unsigned char>(head[2]);
    connection.read_bytes(size);
    if (head[3] == 1) return true;
  }
}

TEST(OutboundTls, Http2WhereThePeerHasIt) {
  const TestTls tls("api.test", TestTls::Flaw::kNone, true);
  TestPeer peer(
      [&](auto& connection) {
        if (!read_http2_request(connection)) return;
        connection.write(frame(1, 1, 4) + "\x88");                        // :status 200
        connection.write(frame(2, 0, 0) + "hi");                          // data
        connection.write(frame(7, 1, 5) + std::string("\0\3x-t\1y", 7));  // trailers
        connection.read_to_end();
      },
      tls.context());
  TestWorld world({peer.url("https", "api.test"), peer.url("https")}, tls.root_pem());
  world.names->answer("api.test", "127.0.0.1");
  const TestAnswer answer = world.fetch(get(peer.url("https", "api.test")));
  EXPECT_EQ(answer.failure, std::nullopt);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hi");
  EXPECT_THAT(answer.trailers, testing::ElementsAre(testing::Pair("x-t", "y")));
}

TEST(OutboundTls, AnHttp2BodyWaitsForTheGuest) {
  constexpr std::size_t kFrame = 16384, kFrames = 40;  // less than the window that is offered
  const TestTls tls("127.0.0.1", TestTls::Flaw::kNone, true);
  const auto byte_at = [](std::size_t at) { return static_cast<char>(at * 31 >> 8); };
  TestPeer peer(
      [&](auto& connection) {
        if (!read_http2_request(connection)) return;
        connection.write(frame(1, 1, 4) + "\x88");
        for (std::size_t i = 0; i < kFrames; ++i) {
          std::string data = frame(kFrame, 0, i + 1 == kFrames ? 1 : 0);
          for (std::size_t at = 0; at < kFrame; ++at) data += byte_at(i * kFrame + at);
          connection.write(data);
        }
        connection.read_to_end();
      },
      tls.context());
  TestWorld world({peer.url("https")}, tls.root_pem());
  auto call = world.start(get(peer.url("https")));
  call->finish_request(nullptr);
  std::size_t got = 0, most = 0;
  bool same = true;
  ASSERT_TRUE(world.loop.run_until([&] {
    if (call->state() == OutboundState::kPending) return false;
    most = std::max(most, call->response_body().available());
    std::array<std::byte, 16000> buffer{};  // a little each time
    const auto read = call->response_body().read(buffer);
    for (std::size_t i = 0; i < read.size; ++i) {
      same &= static_cast<char>(buffer.at(i)) == byte_at(got++);
    }
    return read.status == capability::ReadStatus::kEnd;
  }));
  EXPECT_EQ(got, kFrame * kFrames);
  EXPECT_TRUE(same);
  EXPECT_EQ(call->body_failure(), std::nullopt);
  EXPECT_LE(most, http::BodyPipe::kHighBytes);
}

TEST(OutboundTls, TheSystemsRootsAreReadOnce) {
  const auto roots = TrustRoots::of_system();
  if (!roots) GTEST_SKIP() << roots.error().text();
  EXPECT_GT((*roots)->size(), 10U);
  EXPECT_EQ(TrustRoots::of_pem("no certificate")->size(), 0U);
}

}  // namespace
}  // namespace godwit::outbound
