#include "manifest/outbound_host.h"

#include <algorithm>

#include <fmt/format.h>

#include "manifest/toml_reader.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxAuthorityBytes = 300;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

// Would some resolver take it for a number? ("127.1", "0x7f000001", "1.2.3.0x4")
bool ends_in_number(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  return all_digits(last) || last.starts_with("0x");
}

// Why it is no host name; empty when it is one. REQUIRES: lower case.
std::string_view why_no_name(std::string_view host) {
  if (host.empty()) return "names no host";
  if (host.size() > kMaxHostBytes) return "is longer than 253 bytes";
  if (host.back() == '.') return "ends with a dot";
  if (ends_in_number(host)) return "is a number, but no dotted quad (10.0.0.7)";
  std::size_t begin = 0;
  while (begin <= host.size()) {
    const std::size_t dot = std::min(host.find('.', begin), host.size());
    const std::string_view label = host.substr(begin, dot - begin);
    if (label.empty()) return "has an empty part";
    if (label.size() > kMaxLabelBytes) return "has a part longer than 63 bytes";
    if (label.front() == '-' || label.back() == '-')
      return "has a part that begins or ends in \"-\"";
    if (!std::all_of(label.begin(), label.end(), is_name_char)) {
      return "has a character that no host name has; write an international name as xn--…";
    }
    begin = dot + 1;
  }
  return {};
}

tl::unexpected<std::string_view> refuse(std::string_view why) {
  return tl::unexpected<std::string_view>(why);
}

// "8080" → 8080. One spelling: no sign, no leading zero.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || text.front() == '0' || !all_digits(text)) {
    return std::nullopt;
  }
  std::uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<std::uint32_t>(c - '0');
  if (port > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

tl::expected<Authority, std::string_view> parse_bracketed(std::string_view text,
                                                          std::string_view& rest) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return refuse("has no \"]\"");
  const auto address = IpAddress::parse(text.substr(1, end - 1));
  if (!address || address->is_v4()) return refuse("is no IPv6 address (without zone) in brackets");
  rest = text.substr(end + 1);
  return Authority{.host = address->text(), .address = address, .port = 0};
}

tl::expected<Authority, std::string_view> parse_plain(std::string_view text,
                                                      std::string_view& rest) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  rest = text.substr(colon);
  std::string host(text.substr(0, colon));
  std::transform(host.begin(), host.end(), host.begin(), to_lower);
  const auto address = IpAddress::parse(host);
  if (address && address->is_v4()) return Authority{address->text(), address, 0};
  if (const std::string_view why = why_no_name(host); !why.empty()) return refuse(why);
  return Authority{.host = std::move(host), .address = std::nullopt, .port = 0};
}

constexpr std::string_view kHint =
    "Write scheme, host and, where it is not the scheme's own, the port: "
    "\"https://api.example.com\", \"https://*.example.com\", \"http://10.0.0.7:8080\".";

tl::unexpected<Error> bad_host(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kConfigBadValue, fmt::format("\"{}\" {}", shown(text), why),
              std::string(kHint));
}

bool is_below(std::string_view name, std::string_view domain) {
  return name.size() > domain.size() + 1 && name.ends_with(domain) &&
         name[name.size() - domain.size() - 1] == '.';
}

}  // namespace

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  return scheme == "https" ? 443 : 0;
}

std::string Authority::text(std::string_view scheme) const {
  const bool brackets = address && !address->is_v4();
  std::string result = brackets ? fmt::format("[{}]", host) : host;
  if (port != default_port(scheme)) result += fmt::format(":{}", port);
  return result;
}

tl::expected<Authority, std::string_view> parse_authority(std::string_view scheme,
                                                          std::string_view text) {
  if (text.empty()) return refuse("names no host");
  if (text.size() > kMaxAuthorityBytes) return refuse("is too long");
  for (const char c : text) {
    if (c == '@') return refuse("has user information (\"@\")");
    if (c == '%') return refuse("has percent-encoding or a zone (\"%\")");
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
      return refuse(
          "has a character that is not visible ASCII; write an international name as "
          "xn--…");
    }
  }
  std::string_view rest;
  auto authority = text.front() == '[' ? parse_bracketed(text, rest) : parse_plain(text, rest);
  if (!authority) return authority;
  authority->port = default_port(scheme);
  if (rest.empty()) return authority;
  const auto port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return refuse("has no port from 1 to 65535 behind its host");
  authority->port = *port;
  return authority;
}

bool OutboundHost::allows(std::string_view request_scheme, const Authority& target) const {
  if (scheme != request_scheme || authority.port != target.port) return false;
  if (!subdomains) return authority.host == target.host;
  return !target.address && is_below(target.host, authority.host);
}

bool OutboundHost::covers(const OutboundHost& other) const {
  if (!other.subdomains) return allows(other.scheme, other.authority);
  return subdomains && scheme == other.scheme && authority.port == other.authority.port &&
         (authority.host == other.authority.host || is_below(other.authority.host, authority.host));
}

std::string OutboundHost::text() const {
  return fmt::format("{}://{}{}", scheme, subdomains ? "*." : "", authority.text(scheme));
}

Result<OutboundHost> parse_outbound_host(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) return bad_host(text, "has no scheme");
  OutboundHost host;
  host.scheme = text.substr(0, end);
  std::transform(host.scheme.begin(), host.scheme.end(), host.scheme.begin(), to_lower);
  if (default_port(host.scheme) == 0) return bad_host(text, "is neither http:// nor https://");
  std::string_view rest = text.substr(end + 3);
  if (rest.ends_with('/') && rest.find('/') == rest.size() - 1) rest.remove_suffix(1);
  if (rest.find_first_of("/?#\\") != std::string_view::npos) {
    return bad_host(text, "has a path; hosts are allowed as a whole");
  }
  host.subdomains = rest.starts_with("*.");
  if (host.subdomains) rest.remove_prefix(2);
  if (rest.find('*') != std::string_view::npos) {
    return bad_host(text, "has a \"*\" that is not its first part (\"*.example.com\")");
  }
  auto authority = parse_authority(host.scheme, rest);
  if (!authority) return bad_host(text, authority.error());
  if (host.subdomains && authority->address) {
    return bad_host(text, "has \"*.\" before an address");
  }
  if (host.subdomains && authority->host.find('.') == std::string::npos) {
    return bad_host(text, "allows a whole top-level domain; name at least two parts");
  }
  host.authority = std::move(*authority);
  return host;
}

std::string allow_line(const std::vector<OutboundHost>& hosts, std::string_view scheme,
                       const Authority& target) {
  std::string line = "allowed-outbound-hosts = [";
  for (const OutboundHost& host : hosts) line += fmt::format("\"{}\", ", host.text());
  return line + fmt::format("\"{}://{}\"]", scheme, target.text(scheme));
}

}  // namespace godwit::manifest
