// IpAddress: an IPv4 or IPv6 address, its one spelling, and what kind of place it is.
//
//   auto address = IpAddress::parse("10.0.0.7");              // strict: no 10.7, no 012.0.0.7
//   if (address->reach() != AddressReach::kPublic) refuse(reach_text(address->reach()));
//
// Values and pure functions; safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace godwit {

// Where an address leads (the registries of RFC 6890, and what clouds put where). Only kPublic may
// be reached by a function that was allowed a name.
enum class AddressReach : std::uint8_t {
  kPublic,
  kUnspecified,    // 0.0.0.0/8, ::
  kLoopback,       // 127.0.0.0/8, ::1
  kPrivate,        // 10/8, 172.16/12, 192.168/16; unique local fc00::/7, site-local fec0::/10
  kLinkLocal,      // 169.254/16, fe80::/10
  kMetadata,       // 169.254.169.254, fd00:ec2::254 and the like: a cloud's credentials
  kShared,         // 100.64/10: carriers' NAT
  kMulticast,      // 224/4, ff00::/8
  kBroadcast,      // 255.255.255.255
  kDocumentation,  // 192.0.2/24, 198.51.100/24, 203.0.113/24, 2001:db8::/32, 3fff::/20
  kReserved,       // 240/4, 192.0.0/24, 198.18/15, 192.88.99/24, outside of 2000::/3, …
  kEmbedded,       // an IPv4 address inside: mapped, compatible, NAT64, 6to4, Teredo, ISATAP
};
// "private", "link-local", …
std::string_view reach_text(AddressReach reach);

class IpAddress final {
 public:
  enum class Family : std::uint8_t { kV4, kV6 };

  // Dotted quads of decimal numbers without leading zeros, and IPv6 without brackets or zone.
  static std::optional<IpAddress> parse(std::string_view text);
  // Nothing for other families. REQUIRES: the structure of its family is there.
  static std::optional<IpAddress> of(const sockaddr& address);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kV4; }
  AddressReach reach() const;
  // "10.0.0.7", "::1": the one spelling (RFC 5952).
  std::string text() const;

  bool operator==(const IpAddress&) const = default;

 private:
  Family family_ = Family::kV4;
  std::array<std::uint8_t, 16> bytes_{};  // of IPv4 the first four, the rest 0
};

// The port of an AF_INET or AF_INET6 address, in host order.
std::uint16_t port_of(const sockaddr& address);

}  // namespace godwit
