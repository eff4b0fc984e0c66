#include "http/request.h"

#include <cstddef>

namespace godwit::http {
namespace {

// Where the ':' before the port stands, or npos. The colons of an IPv6 literal are in brackets.
std::size_t port_colon(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return colon;
  return bracket != std::string_view::npos && colon < bracket ? std::string_view::npos : colon;
}

}  // namespace

std::string_view version_text(Version version) {
  return version == Version::kHttp10 ? "HTTP/1.0" : "HTTP/1.1";
}

std::string_view host_name(std::string_view host) { return host.substr(0, port_colon(host)); }

std::string_view host_port(std::string_view host) {
  const std::size_t colon = port_colon(host);
  return colon == std::string_view::npos ? std::string_view() : host.substr(colon + 1);
}

}  // namespace godwit::http
