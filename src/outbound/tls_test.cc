// Who may speak for a name: certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

// One answer in HTTP/2, frame by frame (RFC 9113 section 4.1; the fields after RFC 7541).
TEST(OutboundTls, Http2WhereThePeerHasIt) {
  const TestTls tls("api.test", TestTls::Flaw::kNone, true);
  TestPeer peer(
      [&](auto& connection) {
        connection.read_bytes(24);  // the preface
        connection.write(std::string("\0\0\0\4\0\0\0\0\0", 9));
        while (true) {
          const std::string frame = connection.read_bytes(9);
          if (frame.size() < 9) return;
          const std::size_t size =
              static_cast<unsigned char>(frame[1]) * 256U + static_cast<unsigned char>(frame[2]);
          connection.read_bytes(size);
          if (frame[3] == 1) break;  // the request's fields
        }
        connection.write(std::string("\0\0\1\1\4\0\0\0\1\x88", 10));        // :status 200
        connection.write(std::string("\0\0\2\0\0\0\0\0\1hi", 11));          // data
        connection.write(std::string("\0\0\7\1\5\0\0\0\1\0\3x-t\1y", 16));  // trailers
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

TEST(OutboundTls, TheSystemsRootsAreReadOnce) {
  const auto roots = TrustRoots::of_system();
  if (!roots) GTEST_SKIP() << roots.error().text();
  EXPECT_GT((*roots)->size(), 10U);
  EXPECT_EQ(TrustRoots::of_pem("no certificate")->size(), 0U);
}

}  // namespace
}  // namespace godwit::outbound
