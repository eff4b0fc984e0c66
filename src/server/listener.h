// Listening sockets: text → addresses → one socket per worker and address.
//
//   auto sockets = listen_on({.host = "127.0.0.1", .port = 0}, workers);   // Result<ListenGroup>
//   sockets->port;                                                          // the one it got
//
// Each worker has a socket of its own (SO_REUSEPORT), so that the kernel spreads connections and
// no worker waits for another. SO_REUSEPORT would let a second server of the same user share the
// port silently; a probe without it finds that out first. Pure functions but for the sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace godwit::server {

struct ListenAddress {
  std::string host;  // an IP address or a name of this machine: "127.0.0.1", "::1", "localhost"
  std::uint16_t port = 0;
};

// "127.0.0.1:8080", "[::1]:0", "localhost:80". Errors: kUsage, in the name of `option`.
Result<ListenAddress> parse_listen_address(std::string_view text,
                                           std::string_view option = "--listen");
// The other way round: "[::1]:8080".
std::string listen_address_text(const ListenAddress& address);

struct ListenGroup {
  ListenAddress address;    // with the port that it got
  std::vector<Fd> sockets;  // one per worker, listening, non-blocking
};

// Errors: kAddressInUse, kAddressUnusable.
Result<ListenGroup> listen_on(const ListenAddress& address, unsigned workers);

}  // namespace godwit::server
