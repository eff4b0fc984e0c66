#include "outbound/request_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "http/ascii.h"
#include "http/head_rules.h"

namespace godwit::outbound {
namespace {

using capability::OutboundFailure;
using capability::OutboundLimits;
using capability::OutboundRequest;

constexpr std::size_t kMaxMethodBytes = 32;
// What a field costs besides its bytes (RFC 9113 section 10.5.1).
constexpr std::size_t kFieldOverhead = 32;

tl::unexpected<OutboundFailure> refuse(OutboundFailure failure) {
  return tl::unexpected<OutboundFailure>(failure);
}

// CONNECT would be a tunnel; upper case, since methods are compared as they are.
bool is_method(std::string_view method) {
  return method.size() <= kMaxMethodBytes && http::is_token(method) &&
         !http::equals_ignoring_case(method, "CONNECT");
}

// Origin-form: what may stand in a URL and nothing else.
bool is_path(std::string_view path) {
  constexpr std::string_view kNever = "#\\";
  return path.starts_with('/') && std::all_of(path.begin(), path.end(), [&](char c) {
           return c > 0x20 && c < 0x7F && kNever.find(c) == std::string_view::npos;
         });
}

Nanoseconds bounded(const std::optional<Nanoseconds>& asked, Nanoseconds otherwise,
                    Nanoseconds most) {
  return std::clamp(asked.value_or(otherwise), Nanoseconds(std::chrono::milliseconds(1)), most);
}

// Of the fields and of the request: the same, or an error.
bool read_content_length(const OutboundRequest& request, CheckedRequest& checked) {
  checked.content_length = request.content_length;
  for (const http::Field& field : request.fields) {
    if (!http::equals_ignoring_case(field.name, "content-length")) continue;
    const auto length = http::parse_content_length(field.value);
    if (!length || (checked.content_length && *checked.content_length != *length)) return false;
    checked.content_length = length;
  }
  return true;
}

}  // namespace

bool CheckedRequest::is_idempotent() const {
  constexpr std::array<std::string_view, 6> kMethods = {"GET",    "HEAD",    "PUT",
                                                        "DELETE", "OPTIONS", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

tl::expected<std::vector<std::string>, OutboundFailure> check_fields(const http::Fields& fields,
                                                                     const OutboundLimits& limits) {
  std::vector<std::string> lines;
  std::size_t bytes = 0;
  for (const http::Field& field : fields) {
    bytes += field.name.size() + field.value.size() + kFieldOverhead;
    if (bytes > limits.request_fields_bytes) {
      return refuse(OutboundFailure::kHttpRequestHeaderSectionSize);
    }
    if (!http::is_token(field.name) || !http::is_field_value(field.value)) {
      return refuse(OutboundFailure::kHttpProtocolError);
    }
    if (capability::is_forbidden_outbound_field(field.name) ||
        http::equals_ignoring_case(field.name, "content-length")) {
      continue;
    }
    // libcurl's way to write a field without a value.
    lines.push_back(field.value.empty() ? fmt::format("{};", field.name)
                                        : fmt::format("{}: {}", field.name, field.value));
  }
  return lines;
}

tl::expected<CheckedRequest, OutboundFailure> check_request(const OutboundRequest& request,
                                                            const OutboundLimits& limits) {
  CheckedRequest checked;
  if (!is_method(request.method)) return refuse(OutboundFailure::kHttpRequestMethodInvalid);
  checked.method = request.method;
  checked.scheme = request.scheme;
  if (manifest::default_port(checked.scheme) == 0) {
    return refuse(OutboundFailure::kHttpRequestUriInvalid);
  }
  if (request.authority.size() + request.path_with_query.size() > limits.uri_bytes) {
    return refuse(OutboundFailure::kHttpRequestUriTooLong);
  }
  auto target = manifest::parse_authority(checked.scheme, request.authority);
  if (!target) return refuse(OutboundFailure::kHttpRequestUriInvalid);
  checked.target = std::move(*target);
  std::string path = request.path_with_query;
  if (path.empty() || path.front() == '?') path.insert(0, 1, '/');
  if (!is_path(path)) return refuse(OutboundFailure::kHttpRequestUriInvalid);
  checked.url = fmt::format("{}://{}{}", checked.scheme, checked.target.text(checked.scheme), path);
  auto fields = check_fields(request.fields, limits);
  if (!fields) return refuse(fields.error());
  checked.fields = std::move(*fields);
  if (!read_content_length(request, checked)) return refuse(OutboundFailure::kHttpProtocolError);
  if (checked.content_length.value_or(0) > limits.request_body_bytes) {
    return refuse(OutboundFailure::kHttpRequestBodySize);
  }
  checked.connect_timeout =
      bounded(request.connect_timeout, limits.connect_timeout, limits.connect_timeout_max);
  checked.first_byte_timeout =
      bounded(request.first_byte_timeout, limits.first_byte_timeout, limits.read_timeout_max);
  checked.between_bytes_timeout =
      bounded(request.between_bytes_timeout, limits.between_bytes_timeout, limits.read_timeout_max);
  return checked;
}

}  // namespace godwit::outbound
