#include "http/head_rules.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "http/ascii.h"

namespace godwit::http {
namespace {

tl::unexpected<Error> bad(std::string_view detail) {
  return fail(ErrorCode::kBadRequest, std::string(detail));
}

Result<Version> read_version(std::string_view text) {
  if (text == "HTTP/1.1") return Version::kHttp11;
  if (text == "HTTP/1.0") return Version::kHttp10;
  // HTTP-name is case-sensitive and both numbers are one digit (RFC 9112 section 2.3).
  if (text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
      is_digit(text[7])) {
    return fail(ErrorCode::kUnsupportedHttpVersion);
  }
  return bad("the request line does not end with a space and an HTTP version");
}

bool is_host_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool is_ipv6_char(char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; }

bool is_port(std::string_view digits) {
  if (digits.empty() || digits.size() > 5) return false;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port <= 65535;
}

// Splits a list value (RFC 9110 section 5.6.1) and calls `each` with every element that is not
// empty.
template <class Each>
void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    if (const std::string_view trimmed = trim_ows(element); !trimmed.empty()) each(trimmed);
  }
}

// What the fields that decide about framing and the connection say, all together.
struct Collected {
  std::string_view host;
  std::size_t hosts = 0;
  std::string_view content_length;
  std::size_t content_lengths = 0;
  std::string_view transfer_encoding;
  std::size_t transfer_encodings = 0;
  std::string_view last_coding;
  bool close = false;
  bool keep_alive = false;
  std::size_t expects = 0;
  bool expects_continue = true;  // every Expect says 100-continue
};

void collect(const Field& field, Collected& out) {
  const auto is = [&field](std::string_view name) {
    return equals_ignoring_case(field.name, name);
  };
  // The length decides first: most fields are none of these.
  switch (field.name.size()) {
    case 4:
      if (is("host") && ++out.hosts == 1) out.host = field.value;
      break;
    case 6:
      if (is("expect")) {
        ++out.expects;
        out.expects_continue &= equals_ignoring_case(field.value, "100-continue");
      }
      break;
    case 10:
      if (is("connection")) {
        for_each_element(field.value, [&out](std::string_view option) {
          out.close |= equals_ignoring_case(option, "close");
          out.keep_alive |= equals_ignoring_case(option, "keep-alive");
        });
      }
      break;
    case 14:
      if (is("content-length") && ++out.content_lengths == 1) out.content_length = field.value;
      break;
    case 17:
      if (is("transfer-encoding")) {
        ++out.transfer_encodings;
        out.transfer_encoding = field.value;
        out.last_coding = {};
        for_each_element(field.value,
                         [&out](std::string_view coding) { out.last_coding = coding; });
      }
      break;
    default: break;
  }
}

Result<void> read_framing(const Collected& fields, Request& request) {
  if (fields.transfer_encodings != 0 && fields.content_lengths != 0) {
    return bad("both Content-Length and Transfer-Encoding");
  }
  if (fields.content_lengths > 1) return bad("more than one Content-Length");
  if (fields.content_lengths == 1) {
    request.content_length = parse_content_length(fields.content_length);
    if (!request.content_length) return bad("Content-Length is not a number of bytes");
  }
  if (fields.transfer_encodings != 0) {
    if (request.version == Version::kHttp10) return bad("Transfer-Encoding in HTTP/1.0");
    if (!equals_ignoring_case(fields.last_coding, "chunked")) {
      // The length of such a message can't be known (RFC 9112 section 6.3).
      return bad("the last transfer coding is not chunked");
    }
    if (fields.transfer_encodings > 1 ||
        !equals_ignoring_case(fields.transfer_encoding, "chunked")) {
      return fail(ErrorCode::kUnsupportedTransferCoding,
                  "a transfer coding besides chunked, or chunked more than once");
    }
    request.chunked = true;
  }
  return {};
}

Result<void> read_host(const Collected& fields, Request& request) {
  if (fields.hosts > 1) return bad("more than one Host field");
  if (fields.hosts == 0) {
    if (request.version == Version::kHttp11) return bad("no Host field");
    return {};
  }
  if (!is_authority(fields.host)) return bad("the Host field is not a host with or without a port");
  // An absolute-form's authority counts, not the Host field (RFC 9112 section 3.2.2).
  if (request.host.empty()) request.host = fields.host;
  return {};
}

}  // namespace

Result<void> read_request_line(std::string_view line, RequestLineLimits limits, Request& request) {
  const std::size_t first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (method.size() > limits.method_bytes) return bad("the method is too long");
  if (!is_token(method)) return bad("the request line does not begin with a method");
  if (first == std::string_view::npos) return bad("the request line has no target");
  const std::string_view rest = line.substr(first + 1);
  const std::size_t second = rest.find(' ');
  const std::string_view target = rest.substr(0, second);
  if (target.size() > limits.target_bytes) return fail(ErrorCode::kTargetTooLong);
  if (target.empty()) return bad("the request line has no target");
  if (second == std::string_view::npos) return bad("the request line has no HTTP version");
  const Result<Version> version = read_version(rest.substr(second + 1));
  if (!version) return fail(version.error());
  if (method == "CONNECT" || method == "PRI") {
    return fail(ErrorCode::kMethodNotAllowed, "this server is no proxy and speaks HTTP/1.1 only");
  }
  request.method = method;
  request.target = target;
  request.version = *version;
  return {};
}

Result<void> read_target(Request& request) {
  for (const char c : request.target) {
    if (c < 0x21 || c > 0x7e) return bad("the target holds a control or a non-ASCII character");
    if (c == '#') return bad("the target holds a fragment");
  }
  std::string_view rest = request.target;
  if (rest == "*") {
    if (request.method != "OPTIONS") return bad("the target * is for OPTIONS only");
    request.path = rest;
    return {};
  }
  if (!rest.starts_with('/')) {
    const std::size_t scheme_bytes = rest.find("://");
    const std::string_view scheme = rest.substr(0, scheme_bytes);
    if (scheme_bytes == std::string_view::npos ||
        !(equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "https"))) {
      return bad("the target is neither a path nor an http URI");
    }
    rest.remove_prefix(scheme_bytes + 3);
    request.host = rest.substr(0, rest.find_first_of("/?"));
    if (!is_authority(request.host)) return bad("the target's host is not valid");
    rest.remove_prefix(request.host.size());
  }
  const std::size_t question = rest.find('?');
  request.path = rest.substr(0, question);
  if (request.path.empty()) request.path = "/";  // "http://host?x" (RFC 9110 section 4.2.3)
  if (question != std::string_view::npos) request.query = rest.substr(question + 1);
  return {};
}

Result<void> read_fields(Request& request) {
  Collected fields;
  for (const Field& field : request.fields) collect(field, fields);
  if (auto read = read_framing(fields, request); !read) return read;
  if (auto read = read_host(fields, request); !read) return read;
  request.keep_alive = !fields.close && (request.version == Version::kHttp11 || fields.keep_alive);
  if (fields.expects != 0) {
    request.expectation =
        fields.expects_continue ? Expectation::kContinue : Expectation::kUnsupported;
    // Without a body there is nothing to wait for, and an HTTP/1.0 client can't be asked
    // (RFC 9110 section 10.1.1).
    const bool may_wait = request.version == Version::kHttp11 && request.has_body();
    if (request.expectation == Expectation::kContinue && !may_wait) {
      request.expectation = Expectation::kNone;
    }
  }
  return {};
}

bool is_authority(std::string_view text) {
  // 255: the longest DNS name.
  const std::string_view name = host_name(text);
  if (name.empty() || name.size() > 255) return false;
  if (name.size() != text.size() && !is_port(host_port(text))) return false;
  if (name.front() == '[') {
    return name.size() > 3 && name.back() == ']' &&
           std::all_of(name.begin() + 1, name.end() - 1, is_ipv6_char);
  }
  return std::all_of(name.begin(), name.end(), is_host_char);
}

std::optional<std::uint64_t> parse_content_length(std::string_view text) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  // from_chars takes no sign for an unsigned number, and end tells that all of it was digits.
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (length > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  return length;
}

}  // namespace godwit::http
