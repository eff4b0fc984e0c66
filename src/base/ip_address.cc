#include "base/ip_address.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace godwit {
namespace {

struct Block {
  std::string_view network;  // as inet_pton reads it
  int bits;
  AddressReach reach;
};

// The first block that holds an address decides.
constexpr std::array kBlocks4 = {
    Block{"169.254.169.254", 32, AddressReach::kMetadata},  // most clouds
    Block{"169.254.170.2", 32, AddressReach::kMetadata},    // AWS: credentials of tasks
    Block{"169.254.170.23", 32, AddressReach::kMetadata},   // AWS: of pods
    Block{"100.100.100.200", 32, AddressReach::kMetadata},  // Alibaba
    Block{"192.0.0.192", 32, AddressReach::kMetadata},      // Oracle, formerly
    Block{"168.63.129.16", 32, AddressReach::kMetadata},    // Azure: the host's agent
    Block{"255.255.255.255", 32, AddressReach::kBroadcast},
    Block{"0.0.0.0", 8, AddressReach::kUnspecified},
    Block{"10.0.0.0", 8, AddressReach::kPrivate},
    Block{"100.64.0.0", 10, AddressReach::kShared},
    Block{"127.0.0.0", 8, AddressReach::kLoopback},
    Block{"169.254.0.0", 16, AddressReach::kLinkLocal},
    Block{"172.16.0.0", 12, AddressReach::kPrivate},
    Block{"192.0.0.0", 24, AddressReach::kReserved},
    Block{"192.0.2.0", 24, AddressReach::kDocumentation},
    Block{"192.31.196.0", 24, AddressReach::kReserved},
    Block{"192.52.193.0", 24, AddressReach::kReserved},
    Block{"192.88.99.0", 24, AddressReach::kReserved},
    Block{"192.168.0.0", 16, AddressReach::kPrivate},
    Block{"192.175.48.0", 24, AddressReach::kReserved},
    Block{"198.18.0.0", 15, AddressReach::kReserved},
    Block{"198.51.100.0", 24, AddressReach::kDocumentation},
    Block{"203.0.113.0", 24, AddressReach::kDocumentation},
    Block{"224.0.0.0", 4, AddressReach::kMulticast},
    Block{"240.0.0.0", 4, AddressReach::kReserved},
};

constexpr std::array kBlocks6 = {
    Block{"::", 128, AddressReach::kUnspecified},
    Block{"::1", 128, AddressReach::kLoopback},
    Block{"fd00:ec2::", 32, AddressReach::kMetadata},           // AWS: ::254 and its neighbours
    Block{"fd20:ce::254", 128, AddressReach::kMetadata},        // Google
    Block{"fd00:c1::a9fe:a9fe", 128, AddressReach::kMetadata},  // Oracle
    Block{"::ffff:0:0", 96, AddressReach::kEmbedded},           // mapped
    Block{"::ffff:0:0:0", 96, AddressReach::kEmbedded},         // translated
    Block{"::", 96, AddressReach::kEmbedded},                   // compatible
    Block{"64:ff9b::", 96, AddressReach::kEmbedded},            // NAT64
    Block{"64:ff9b:1::", 48, AddressReach::kEmbedded},          // NAT64 of the place
    Block{"2001::", 32, AddressReach::kEmbedded},               // Teredo
    Block{"2002::", 16, AddressReach::kEmbedded},               // 6to4
    Block{"2001:db8::", 32, AddressReach::kDocumentation},
    Block{"3fff::", 20, AddressReach::kDocumentation},
    Block{"2001::", 23, AddressReach::kReserved},
    Block{"2620:4f:8000::", 48, AddressReach::kReserved},
    Block{"fc00::", 7, AddressReach::kPrivate},
    Block{"fec0::", 10, AddressReach::kPrivate},
    Block{"fe80::", 10, AddressReach::kLinkLocal},
    Block{"ff00::", 8, AddressReach::kMulticast},
};

struct Network {
  std::array<std::uint8_t, 16> bytes{};
  int bits = 0;
  AddressReach reach = AddressReach::kPublic;
};

template <std::size_t kSize>
std::array<Network, kSize> networks_of(const std::array<Block, kSize>& blocks, int family) {
  std::array<Network, kSize> networks;
  for (std::size_t i = 0; i < kSize; ++i) {
    networks[i].bits = blocks[i].bits;
    networks[i].reach = blocks[i].reach;
    ::inet_pton(family, std::string(blocks[i].network).c_str(), networks[i].bytes.data());
  }
  return networks;
}

bool holds(const Network& network, const std::array<std::uint8_t, 16>& bytes) {
  const auto whole = static_cast<std::size_t>(network.bits / 8);
  if (!std::equal(bytes.begin(), bytes.begin() + whole, network.bytes.begin())) return false;
  const int rest = network.bits % 8;
  if (rest == 0) return true;
  const int mask = 0xFF << (8 - rest);
  return ((bytes[whole] ^ network.bytes[whole]) & mask) == 0;
}

AddressReach find(std::span<const Network> networks, const std::array<std::uint8_t, 16>& bytes,
                  AddressReach otherwise) {
  for (const Network& network : networks) {
    if (holds(network, bytes)) return network.reach;
  }
  return otherwise;
}

// ISATAP: an interface identifier of [02]00:5efe and an IPv4 address, below any prefix.
bool is_isatap(const std::array<std::uint8_t, 16>& bytes) {
  return (bytes[8] & 0xFD) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
}

}  // namespace

std::string_view reach_text(AddressReach reach) {
  static constexpr std::array<std::string_view, 12> kTexts = {
      "public", "unspecified", "loopback",  "private",       "link-local", "cloud metadata",
      "shared", "multicast",   "broadcast", "documentation", "reserved",   "embedded IPv4"};
  return kTexts[static_cast<std::size_t>(reach)];
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof(buffer)) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  text.copy(buffer, text.size());
  buffer[text.size()] = '\0';
  IpAddress address;
  // inet_pton takes neither short forms nor other bases, and glibc's no leading zeros.
  if (::inet_pton(AF_INET, buffer, address.bytes_.data()) == 1) return address;
  address.family_ = Family::kV6;
  if (::inet_pton(AF_INET6, buffer, address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of(const sockaddr& address) {
  IpAddress result;
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof(in));
    std::memcpy(result.bytes_.data(), &in.sin_addr, sizeof(in.sin_addr));
    return result;
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof(in));
  result.family_ = Family::kV6;
  std::memcpy(result.bytes_.data(), &in.sin6_addr, sizeof(in.sin6_addr));
  return result;
}

AddressReach IpAddress::reach() const {
  static const auto kNetworks4 = networks_of(kBlocks4, AF_INET);
  static const auto kNetworks6 = networks_of(kBlocks6, AF_INET6);
  if (is_v4()) return find(kNetworks4, bytes_, AddressReach::kPublic);
  // Of IPv6 only 2000::/3 was ever given out.
  const bool global = (bytes_[0] & 0xE0) == 0x20;
  const AddressReach reach =
      find(kNetworks6, bytes_, global ? AddressReach::kPublic : AddressReach::kReserved);
  return reach == AddressReach::kPublic && is_isatap(bytes_) ? AddressReach::kEmbedded : reach;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof(buffer));
  return buffer;
}

std::uint16_t port_of(const sockaddr& address) {
  std::uint16_t port = 0;  // at the same place in both families
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&port, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port),
              sizeof(port));
  return ntohs(port);
}

}  // namespace godwit
