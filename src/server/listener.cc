#include "server/listener.h"

#include <cerrno>
#include <charconv>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

namespace godwit::server {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

struct AddressListDeleter {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDeleter>;

enum class PortSharing : std::uint8_t { kNo, kYes };

Result<AddressList> resolve(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (error != 0) {
    return fail(ErrorCode::kAddressUnusable,
                fmt::format("{}: {}", listen_address_text(address), gai_strerror(error)));
  }
  return AddressList(list);
}

tl::unexpected<Error> bind_failed(const ListenAddress& address, int error) {
  const ErrorCode code =
      error == EADDRINUSE ? ErrorCode::kAddressInUse : ErrorCode::kAddressUnusable;
  return fail(code, fmt::format("{}: {}", listen_address_text(address), errno_text(error)));
}

Result<Fd> bind_socket(const addrinfo& info, const ListenAddress& address, PortSharing sharing) {
  Fd fd(::socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return bind_failed(address, errno);
  const int on = 1;
  // After a restart connections of the old process may still be in TIME_WAIT.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (sharing == PortSharing::kYes) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  }
  if (info.ai_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  }
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0) return bind_failed(address, errno);
  if (::listen(fd.get(), kBacklog) != 0) return bind_failed(address, errno);
  return fd;
}

Result<std::uint16_t> bound_port(const Fd& fd, const ListenAddress& address) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return bind_failed(address, errno);
  }
  if (storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text, std::string_view option) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kUsage, fmt::format("{} {}: {}", option, text, why),
                "Write HOST:PORT, for instance 127.0.0.1:8080 or [::1]:8080.");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address needs brackets");
  }
  if (host.empty()) return bad("the host is missing");
  ListenAddress address{.host = std::string(host)};
  const char* const end = port_text.data() + port_text.size();
  const auto [rest, error] = std::from_chars(port_text.data(), end, address.port);
  if (error != std::errc() || rest != end) return bad("the port is not a number from 0 to 65535");
  return address;
}

std::string listen_address_text(const ListenAddress& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", address.host, address.port)
              : fmt::format("{}:{}", address.host, address.port);
}

Result<ListenGroup> listen_on(const ListenAddress& address, unsigned workers) {
  ListenGroup group{.address = address};
  if (address.port != 0) {
    auto probed = resolve(address);
    if (!probed) return fail(std::move(probed.error()));
    auto probe = bind_socket(**probed, address, PortSharing::kNo);
    if (!probe) return fail(std::move(probe.error()));
  }
  for (unsigned i = 0; i < workers; ++i) {
    // Resolved again: the first socket of port 0 decides the port of the others.
    auto resolved = resolve(group.address);
    if (!resolved) return fail(std::move(resolved.error()));
    auto fd = bind_socket(**resolved, group.address, PortSharing::kYes);
    if (!fd) return fail(std::move(fd.error()));
    auto port = bound_port(*fd, address);
    if (!port) return fail(std::move(port.error()));
    group.address.port = *port;
    group.sockets.push_back(std::move(*fd));
  }
  return group;
}

}  // namespace godwit::server
