#include "base/ip_address.h"

#include <cstring>

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace godwit {
namespace {

AddressReach reach_of(std::string_view text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address ? address->reach() : AddressReach::kPublic;
}

struct Case {
  std::string_view text;
  AddressReach reach;
};

constexpr Case kCases[] = {
    {"1.1.1.1", AddressReach::kPublic},
    {"9.255.255.255", AddressReach::kPublic},
    {"11.0.0.0", AddressReach::kPublic},
    {"172.15.255.255", AddressReach::kPublic},
    {"172.32.0.0", AddressReach::kPublic},
    {"100.63.255.255", AddressReach::kPublic},
    {"100.128.0.0", AddressReach::kPublic},
    {"169.253.255.255", AddressReach::kPublic},
    {"223.255.255.255", AddressReach::kPublic},
    {"2606:4700::1111", AddressReach::kPublic},
    {"2a00:1450:4001::5efe", AddressReach::kPublic},
    {"0.0.0.0", AddressReach::kUnspecified},
    {"0.255.255.255", AddressReach::kUnspecified},
    {"::", AddressReach::kUnspecified},
    {"127.0.0.1", AddressReach::kLoopback},
    {"127.255.255.255", AddressReach::kLoopback},
    {"::1", AddressReach::kLoopback},
    {"10.0.0.0", AddressReach::kPrivate},
    {"10.255.255.255", AddressReach::kPrivate},
    {"172.16.0.0", AddressReach::kPrivate},
    {"172.31.255.255", AddressReach::kPrivate},
    {"192.168.0.1", AddressReach::kPrivate},
    {"fc00::1", AddressReach::kPrivate},
    {"fdff:ffff::1", AddressReach::kPrivate},
    {"fec0::1", AddressReach::kPrivate},
    {"169.254.0.1", AddressReach::kLinkLocal},
    {"fe80::1", AddressReach::kLinkLocal},
    {"febf::1", AddressReach::kLinkLocal},
    {"169.254.169.254", AddressReach::kMetadata},
    {"169.254.170.2", AddressReach::kMetadata},
    {"100.100.100.200", AddressReach::kMetadata},
    {"168.63.129.16", AddressReach::kMetadata},
    {"fd00:ec2::254", AddressReach::kMetadata},
    {"fd20:ce::254", AddressReach::kMetadata},
    {"100.64.0.0", AddressReach::kShared},
    {"100.127.255.255", AddressReach::kShared},
    {"224.0.0.1", AddressReach::kMulticast},
    {"239.255.255.255", AddressReach::kMulticast},
    {"ff02::1", AddressReach::kMulticast},
    {"255.255.255.255", AddressReach::kBroadcast},
    {"192.0.2.1", AddressReach::kDocumentation},
    {"198.51.100.1", AddressReach::kDocumentation},
    {"203.0.113.1", AddressReach::kDocumentation},
    {"2001:db8::1", AddressReach::kDocumentation},
    {"3fff:fff::1", AddressReach::kDocumentation},
    {"192.0.0.1", AddressReach::kReserved},
    {"198.18.0.1", AddressReach::kReserved},
    {"198.19.255.255", AddressReach::kReserved},
    {"240.0.0.1", AddressReach::kReserved},
    {"255.255.255.254", AddressReach::kReserved},
    {"2001:10::1", AddressReach::kReserved},
    {"100::1", AddressReach::kReserved},
    {"5f00::1", AddressReach::kReserved},
    {"4000::1", AddressReach::kReserved},
    {"::ffff:127.0.0.1", AddressReach::kEmbedded},
    {"::ffff:8.8.8.8", AddressReach::kEmbedded},
    {"::ffff:0:127.0.0.1", AddressReach::kEmbedded},
    {"::127.0.0.1", AddressReach::kEmbedded},
    {"::2", AddressReach::kEmbedded},
    {"64:ff9b::7f00:1", AddressReach::kEmbedded},
    {"64:ff9b:1::a00:1", AddressReach::kEmbedded},
    {"2002:7f00:1::", AddressReach::kEmbedded},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", AddressReach::kEmbedded},
    {"2a00:1450:4001::5efe:a00:1", AddressReach::kEmbedded},
    {"2a00:1450:4001:0:200:5efe:a00:1", AddressReach::kEmbedded},
};

TEST(IpAddress, EachKindOfPlaceIsKnown) {
  for (const Case& each : kCases) {
    EXPECT_EQ(reach_of(each.text), each.reach)
        << each.text << " is " << reach_text(reach_of(each.text));
  }
}

TEST(IpAddress, OnlyTheStrictFormsAreRead) {
  for (const std::string_view text :
       {"",         "1",        "127.1",      "127.0.1",    "1.2.3.4.5",  "1.2.3.256",
        "01.2.3.4", "1.2.3.04", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001",
        "1.2.3.4 ", " 1.2.3.4", "1.2.3.4.",   "[::1]",      "::1%lo",     "fe80::1%1",
        ":::",      "1::2::3",  "::g",        "12345::",    "1.2.3.-4",   "1.2.3.+4"}) {
    EXPECT_FALSE(IpAddress::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)).has_value());
}

TEST(IpAddress, HasOneSpelling) {
  EXPECT_EQ(IpAddress::parse("10.0.0.7")->text(), "10.0.0.7");
  EXPECT_EQ(IpAddress::parse("0:0:0:0:0:0:0:1")->text(), "::1");
  EXPECT_EQ(IpAddress::parse("FE80::00aB")->text(), "fe80::ab");
  EXPECT_EQ(IpAddress::parse("::1"), IpAddress::parse("0::0001"));
  EXPECT_NE(IpAddress::parse("127.0.0.1"), IpAddress::parse("::ffff:127.0.0.1"));
}

TEST(IpAddress, IsReadFromSocketAddresses) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(8080);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr address{};
  std::memcpy(&address, &in, sizeof(in));
  EXPECT_EQ(IpAddress::of(address), IpAddress::parse("127.0.0.1"));
  EXPECT_EQ(port_of(address), 8080);
  address.sa_family = AF_UNIX;
  EXPECT_FALSE(IpAddress::of(address).has_value());
}

}  // namespace
}  // namespace godwit
