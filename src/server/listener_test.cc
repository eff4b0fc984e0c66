#include "server/listener.h"

#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "server/test_client.h"

namespace godwit::server {
namespace {

TEST(ListenAddress, Good) {
  const struct {
    const char* text;
    const char* host;
    int port;
  } rows[] = {
      {"127.0.0.1:8080", "127.0.0.1", 8080},
      {"localhost:0", "localhost", 0},
      {"[::1]:80", "::1", 80},
      {"0.0.0.0:65535", "0.0.0.0", 65535},
      {"h:00080", "h", 80},
  };
  for (const auto& row : rows) {
    const auto address = parse_listen_address(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->host, row.host) << row.text;
    EXPECT_EQ(address->port, row.port) << row.text;
  }
}

TEST(ListenAddress, Bad) {
  for (const std::string_view text : {"",
                                      ":",
                                      "8080",
                                      ":8080",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:80x",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:+1",
                                      "127.0.0.1: 80",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:99999999999",
                                      "::1:80",
                                      "::1",
                                      "[::1]",
                                      "[::1]:",
                                      "[]:80",
                                      "[::1:80",
                                      "a:b:80"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::kUsage) << text;
    EXPECT_FALSE(address.error().next_step().empty());
  }
}

TEST(ListenAddress, TextIsReadBack) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "localhost:1"}) {
    EXPECT_EQ(listen_address_text(*parse_listen_address(text)), text);
  }
}

std::uint16_t port_of(const Fd& fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

TEST(ListenOn, PortZeroPicksOneForAllWorkers) {
  const auto group = listen_on({.host = "127.0.0.1", .port = 0}, 3);
  ASSERT_TRUE(group) << group.error().text();
  ASSERT_EQ(group->sockets.size(), 3u);
  EXPECT_NE(group->address.port, 0);
  for (const Fd& socket : group->sockets) {
    EXPECT_EQ(port_of(socket), group->address.port);
    EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
  test::Client client(group->address);
  EXPECT_TRUE(client.connected());
}

TEST(ListenOn, ASecondServerOnThePortIsAnError) {
  const auto first = listen_on({.host = "127.0.0.1", .port = 0}, 2);
  ASSERT_TRUE(first);
  const auto second = listen_on(first->address, 2);
  ASSERT_FALSE(second) << "SO_REUSEPORT shared the port silently";
  EXPECT_EQ(second.error().code, ErrorCode::kAddressInUse);
  EXPECT_NE(second.error().detail.find(std::to_string(first->address.port)), std::string::npos);
}

TEST(ListenOn, APortCanBeTakenAgainWhenItsServerIsGone) {
  ListenAddress address;
  {
    const auto first = listen_on({.host = "127.0.0.1", .port = 0}, 1);
    ASSERT_TRUE(first);
    address = first->address;
    // A connection that the old server closes first stays in TIME_WAIT.
    test::Client client(address);
    const Fd accepted(::accept4(first->sockets[0].get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  const auto again = listen_on(address, 1);
  EXPECT_TRUE(again) << again.error().text();
}

TEST(ListenOn, AnAddressOfAnotherMachineIsUnusable) {
  const auto group = listen_on({.host = "203.0.113.1", .port = 0}, 1);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().code, ErrorCode::kAddressUnusable);
  EXPECT_NE(group.error().detail.find("203.0.113.1"), std::string::npos);
}

TEST(ListenOn, Ipv6) {
  const auto group = listen_on({.host = "::1", .port = 0}, 2);
  if (!group) GTEST_SKIP() << "this machine has no IPv6: " << group.error().text();
  EXPECT_NE(group->address.port, 0);
  EXPECT_EQ(listen_address_text(group->address), "[::1]:" + std::to_string(group->address.port));
  // The IPv4 port of that number is not taken with it.
  EXPECT_TRUE(listen_on({.host = "127.0.0.1", .port = group->address.port}, 1));
}

}  // namespace
}  // namespace godwit::server
