// Where a function may not go, however it tries.
#include "outbound/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "outbound/test_peer.h"
#include "outbound/test_world.h"

namespace godwit::outbound {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

void say_hi(TestConnection& connection) {
  while (!connection.read_head().empty()) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  }
}

std::string port_of(const TestPeer& peer) { return ":" + std::to_string(peer.port()); }

TEST(OutboundPolicy, AHostThatIsNotAllowedIsRefusedWithTheLineThatWouldAllowIt) {
  TestWorld world({"https://*.example.com"});
  EXPECT_EQ(world.fetch(get("https://API.other.test:8443/x")).failure, OutboundFailure::kDenied);
  EXPECT_EQ(world.fetch(get("https://api.other.test:8443/y")).failure, OutboundFailure::kDenied);
  EXPECT_THAT(world.refusals,
              ElementsAre("https://api.other.test:8443|it is not in allowed-outbound-hosts|"
                          "allowed-outbound-hosts = [\"https://*.example.com\", "
                          "\"https://api.other.test:8443\"]"));
  for (const char* const url : {"http://a.example.com", "https://example.com",
                                "https://a.example.com:444", "https://a.example.com.evil.test",
                                "https://evilexample.com", "https://1.1.1.1", "https://[::1]"}) {
    EXPECT_EQ(world.fetch(get(url)).failure, OutboundFailure::kDenied) << url;
  }
  EXPECT_EQ(world.names->asked(), 0);
  EXPECT_EQ(world.client.pools(), 0U);
}

TEST(OutboundPolicy, OneFunctionsNoiseHidesNoOthersRefusal) {
  TestWorld world({"https://a.test"});
  for (int i = 0; i < 2000; ++i) {
    if (i % 1000 == 0) world.renew();
    world.fetch(get("https://b" + std::to_string(i) + ".test"));
  }
  EXPECT_THAT(world.refusals, SizeIs(32));
  world.http = world.client.open(grant_of({"https://a.test"}, "second"));
  world.fetch(get("https://b0.test"));
  EXPECT_THAT(world.refusals, SizeIs(33));
}

TEST(OutboundPolicy, WithoutAHostNothingIsAllowed) {
  TestWorld world({});
  EXPECT_EQ(world.fetch(get("https://api.example.com")).failure, OutboundFailure::kDenied);
  EXPECT_THAT(world.refusals,
              ElementsAre(HasSubstr("allowed-outbound-hosts = [\"https://api.example.com\"]")));
}

TEST(OutboundPolicy, ANameIsNoPermissionForAnAddressThatIsNotPublic) {
  for (const char* const address : {"127.0.0.1",
                                    "127.9.9.9",
                                    "10.0.0.1",
                                    "172.16.0.1",
                                    "192.168.1.1",
                                    "169.254.1.1",
                                    "169.254.169.254",
                                    "100.64.0.1",
                                    "0.0.0.0",
                                    "224.0.0.1",
                                    "255.255.255.255",
                                    "192.0.2.1",
                                    "198.18.0.1",
                                    "240.0.0.1",
                                    "::",
                                    "::1",
                                    "fe80::1",
                                    "fc00::1",
                                    "fd00:ec2::254",
                                    "ff02::1",
                                    "2001:db8::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:10.0.0.1",
                                    "::127.0.0.1",
                                    "64:ff9b::7f00:1",
                                    "2002:7f00:1::",
                                    "2001:0:4136:e378:8000:63bf:3fff:fdd2"}) {
    TestWorld world({"http://*.name.test:1", "http://name.test:1"});
    world.names->answer("name.test", address);
    EXPECT_EQ(world.fetch(get("http://name.test:1/")).failure,
              OutboundFailure::kDestinationIpProhibited)
        << address;
    ASSERT_EQ(world.refusals.size(), 1U) << address;
    const std::string text =
        IpAddress::parse(address)->is_v4() ? address : "[" + std::string(address) + "]";
    EXPECT_THAT(world.refusals[0], HasSubstr("\"http://" + text + ":1\"]"));
  }
}

TEST(OutboundPolicy, AnEntryThatIsTheAddressAllowsItAlsoUnderAName) {
  TestPeer peer(say_hi);
  const std::string port = port_of(peer);
  TestWorld world({"http://name.test" + port, peer.url()});
  world.names->answer("name.test", "127.0.0.1");
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).body, "hi");
  // Of the same scheme and port.
  TestWorld other({"http://name.test" + port, "http://127.0.0.1:1", "https://127.0.0.1" + port,
                   "http://127.0.0.2" + port});
  other.names->answer("name.test", "127.0.0.1");
  EXPECT_EQ(other.fetch(get("http://name.test" + port)).failure,
            OutboundFailure::kDestinationIpProhibited);
}

TEST(OutboundPolicy, LocalhostIsLoopbackAndNothingElse) {
  TestPeer peer(say_hi);
  const std::string port = port_of(peer);
  TestWorld world({"http://localhost" + port, "http://x.localhost" + port});
  world.names->answer("localhost", "10.0.0.1");  // nobody is asked
  EXPECT_EQ(world.fetch(get("http://LOCALHOST" + port)).body, "hi");
  EXPECT_EQ(world.names->asked(), 0);
  world.names->answer("x.localhost", "127.0.0.1");
  EXPECT_EQ(world.fetch(get("http://x.localhost" + port)).failure,
            OutboundFailure::kDestinationIpProhibited);
  EXPECT_EQ(world.fetch(get("http://127.0.0.1" + port)).failure, OutboundFailure::kDenied);
}

TEST(OutboundPolicy, OddSpellingsAreRefusedBeforeAnyoneIsAsked) {
  TestWorld world({"http://127.0.0.1", "http://localhost", "http://[::1]", "http://a.test"});
  for (const char* const authority : {"127.1",
                                      "127.0.1",
                                      "0x7f.1",
                                      "0x7f000001",
                                      "017700000001",
                                      "2130706433",
                                      "0177.0.0.1",
                                      "127.0.0.1.",
                                      "localhost.",
                                      "a.test.",
                                      "user@a.test",
                                      "user:pass@a.test",
                                      "a.test@b.test",
                                      "[::1%lo]",
                                      "[fe80::1%25eth0]",
                                      "[::1",
                                      "::1",
                                      "[127.0.0.1]",
                                      "a%2etest",
                                      "%61.test",
                                      "a.test:",
                                      "a.test:0",
                                      "a.test:080",
                                      "a.test:+80",
                                      "a.test:65536",
                                      "a.test:80:80",
                                      "",
                                      ":80",
                                      "a..test",
                                      ".a.test",
                                      "-a.test",
                                      "a-.test",
                                      "a test",
                                      "a.test\r\nX: 1",
                                      "a.test/x",
                                      "a.test?x",
                                      "a.test#x",
                                      "a.test\\x",
                                      "\xc3\xa9.test",
                                      "a*.test",
                                      "*.test",
                                      "1.2.3.4.5",
                                      "1.2.3",
                                      "256.1.1.1",
                                      "a.1",
                                      "a.0x1"}) {
    OutboundRequest request = get("http://a.test");
    request.authority = authority;
    auto call = world.http->start(std::move(request));
    ASSERT_FALSE(call.has_value()) << authority;
    EXPECT_EQ(call.error(), OutboundFailure::kHttpRequestUriInvalid) << authority;
  }
  EXPECT_EQ(world.names->asked(), 0);
}

TEST(OutboundPolicy, ANameThatAnswersDifferentlyTheSecondTimeIsJudgedAgain) {
  TestPeer peer(say_hi);
  const std::string port = port_of(peer);
  TestWorld world({"http://name.test" + port, peer.url()});
  world.names->answer("name.test", {{.addresses = {*IpAddress::parse("127.0.0.1")}},
                                    {.addresses = {*IpAddress::parse("127.0.0.2")}}});
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).body, "hi");
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).failure,
            OutboundFailure::kDestinationIpProhibited);
  EXPECT_EQ(world.names->asked(), 2);
}

TEST(OutboundPolicy, OnlyTheAllowedAddressesOfANameAreUsed) {
  TestPeer peer(say_hi);
  const std::string port = port_of(peer);
  TestWorld world({"http://name.test" + port, peer.url()});
  world.names->answer("name.test",
                      {{.addresses = {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("::1"),
                                      *IpAddress::parse("127.0.0.1")}}});
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).body, "hi");
}

TEST(OutboundPolicy, ARedirectIsANewRequest) {
  TestPeer target(say_hi);
  TestPeer peer([&](auto& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 302 Found\r\nLocation: " + target.url() +
                     "/secret\r\nContent-Length: 0\r\n\r\n");
  });
  TestWorld world({peer.url()});
  const TestAnswer answer = world.fetch(get(peer.url()));
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(world.fetch(get(answer.field("Location"))).failure, OutboundFailure::kDenied);
  EXPECT_EQ(target.connections(), 0);
}

TEST(OutboundPolicy, ConnectionsAreNotSharedAcrossGrants) {
  TestPeer peer(say_hi);
  const std::string port = port_of(peer);
  TestWorld world({"http://name.test" + port, peer.url()});
  world.names->answer("name.test", "127.0.0.1");
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).body, "hi");
  // Another function may use the name, but not that address.
  const auto second = world.client.open(grant_of({"http://name.test" + port}, "second"));
  world.http.swap(const_cast<std::unique_ptr<OutboundHttp>&>(second));
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).failure,
            OutboundFailure::kDestinationIpProhibited);
  // A third may have both, and gets a connection of its own.
  world.http = world.client.open(grant_of({"http://name.test" + port, peer.url()}, "third"));
  EXPECT_EQ(world.fetch(get("http://name.test" + port)).body, "hi");
  EXPECT_EQ(peer.connections(), 2);
  EXPECT_EQ(world.client.pools(), 3U);
}

TEST(OutboundPolicy, TheEnvironmentHasNoSay) {
  TestPeer peer(say_hi);
  TestPeer proxy([](auto& connection) { connection.read_to_end(); });
  for (const char* const name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
    ::setenv(name, proxy.url().c_str(), 1);
  }
  TestWorld world({peer.url()});
  EXPECT_EQ(world.fetch(get(peer.url())).body, "hi");
  EXPECT_EQ(proxy.connections(), 0);
  for (const char* const name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
    ::unsetenv(name);
  }
}

TEST(OutboundPolicy, NamesAreAskedOnceInAWhile) {
  TestPeer peer(say_hi);
  const std::string port = port_of(peer);
  TestWorld world({"http://name.test" + port, peer.url()}, {},
                  {.names_kept = std::chrono::hours(1)});
  world.names->answer("name.test", "127.0.0.1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.fetch(get("http://name.test" + port)).body, "hi");
  EXPECT_EQ(world.names->asked(), 1);
  EXPECT_THAT(world.refusals, IsEmpty());
}

TEST(OutboundPolicy, CookiesAndPasswordsAreNotKept) {
  std::vector<std::string> heads;
  std::string host;
  {
    TestPeer peer([&](auto& connection) {
      while (true) {
        heads.push_back(connection.read_head());
        if (heads.back().empty()) return;
        connection.write(
            "HTTP/1.1 401 No\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Basic realm=x\r\n"
            "Content-Length: 0\r\n\r\n");
      }
    });
    host = "127.0.0.1" + port_of(peer);
    TestWorld world({peer.url()});
    OutboundRequest request = get(peer.url());
    ASSERT_TRUE(request.fields.append("authorization", "Bearer x"));
    EXPECT_EQ(world.fetch(std::move(request)).status, 401);
    EXPECT_EQ(world.fetch(get(peer.url())).status, 401);
  }
  ASSERT_EQ(heads.size(), 3U);
  EXPECT_THAT(heads[0], HasSubstr("authorization: Bearer x"));
  EXPECT_EQ(heads[1], "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
}

}  // namespace
}  // namespace godwit::outbound
