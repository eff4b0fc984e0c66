// What a grant allows: hosts by name before anything is looked up, addresses one by one whenever a
// connection is made or used again.
//
//   if (!allows_host(grant, "https", target)) refuse();
//   if (!allows_address(grant, "https", target, address)) refuse();
//
// Pure functions.
#pragma once

#include <string_view>

#include "capability/outbound_http.h"

namespace godwit::outbound {

bool allows_host(const capability::OutboundGrant& grant, std::string_view scheme,
                 const manifest::Authority& target);

// May this address be connected to for that target? A public one may. Any other only where an entry
// of this scheme and port is the very address, or the target is `localhost` and the address is
// loopback: a name that resolves to a private address is no permission. REQUIRES: allows_host().
bool allows_address(const capability::OutboundGrant& grant, std::string_view scheme,
                    const manifest::Authority& target, const IpAddress& address);

}  // namespace godwit::outbound
