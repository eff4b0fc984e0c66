// OutboundHost: one entry of `allowed-outbound-hosts`, and the strict reading of authorities that
// both the settings and the requests of guests go through: one host has one spelling.
//
//   auto host = parse_outbound_host("https://*.example.com");
//   auto target = parse_authority("https", "API.example.com");        // host "api.example.com"
//   if (target && host->allows("https", *target)) …
//
// A name never allows private addresses: an entry that is the address itself does (or `localhost`,
// which is both loopback addresses); src/outbound checks each address that it connects to.
//
// Plain values and pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"

namespace godwit::manifest {

// host[:port] in its one spelling.
struct Authority {
  std::string host;  // "api.example.com", "10.0.0.7", "::1": lower case, no brackets
  std::optional<IpAddress> address;  // where the host is a literal
  std::uint16_t port = 0;            // the scheme's own where none was written

  // "api.example.com:8443"; IPv6 in brackets; without the port where it is the scheme's own.
  std::string text(std::string_view scheme) const;
  bool operator==(const Authority&) const = default;
};

// 80 for "http", 443 for "https", else 0.
std::uint16_t default_port(std::string_view scheme);

// Refused is whatever could mean one host here and another one to a resolver: user information,
// zone ids, percent-encoding, numbers that are no dotted quad (127.1, 0x7f.1, 017700000001), a dot
// at the end, anything that is not ASCII. The error is the reason, static text: "ends with a dot".
// REQUIRES: scheme is "http" or "https".
tl::expected<Authority, std::string_view> parse_authority(std::string_view scheme,
                                                          std::string_view text);

struct OutboundHost {
  std::string scheme;       // "http", "https"
  Authority authority;      // of a wildcard: what stands behind "*."
  bool subdomains = false;  // "*.example.com": every name below it, not itself
  std::string place;        // in the configuration

  bool allows(std::string_view request_scheme, const Authority& target) const;
  // Does it allow all that `other` allows?
  bool covers(const OutboundHost& other) const;
  // As it would be written: "https://*.example.com:8443".
  std::string text() const;
  bool operator==(const OutboundHost& other) const {
    return scheme == other.scheme && authority == other.authority && subdomains == other.subdomains;
  }
};

// "https://api.example.com", "http://*.example.com:8080", "http://10.0.0.7:8080", "http://[::1]".
// Errors: kConfigBadValue, without a place, with a hint that says how to write it.
Result<OutboundHost> parse_outbound_host(std::string_view text);

// `allowed-outbound-hosts = ["https://api.example.com"]`: the line that would allow it.
std::string allow_line(const std::vector<OutboundHost>& hosts, std::string_view scheme,
                       const Authority& target);

}  // namespace godwit::manifest
