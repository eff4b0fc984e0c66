#include "outbound/policy.h"

#include <algorithm>

namespace godwit::outbound {

bool allows_host(const capability::OutboundGrant& grant, std::string_view scheme,
                 const manifest::Authority& target) {
  return std::any_of(
      grant.hosts.begin(), grant.hosts.end(),
      [&](const manifest::OutboundHost& host) { return host.allows(scheme, target); });
}

bool allows_address(const capability::OutboundGrant& grant, std::string_view scheme,
                    const manifest::Authority& target, const IpAddress& address) {
  // A literal is what it says, whatever anyone resolves.
  if (target.address) return *target.address == address;
  const AddressReach reach = address.reach();
  if (target.host == "localhost") return reach == AddressReach::kLoopback;
  if (reach == AddressReach::kPublic) return true;
  return allows_host(grant, scheme, {address.text(), address, target.port});
}

}  // namespace godwit::outbound
