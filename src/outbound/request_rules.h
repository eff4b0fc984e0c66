// What a guest's request must be like before it is sent, and how it looks then.
//
//   auto checked = check_request(std::move(request), grant.limits);
//   if (!checked) return checked.error();           // kHttpRequestMethodInvalid, …
//
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capability/outbound_http.h"

namespace godwit::outbound {

struct CheckedRequest {
  std::string method;
  std::string scheme;
  manifest::Authority target;
  std::string url;                  // in the one spelling
  std::vector<std::string> fields;  // "name: value", without those that are ours
  std::optional<std::uint64_t> content_length;
  Nanoseconds connect_timeout;
  Nanoseconds first_byte_timeout;
  Nanoseconds between_bytes_timeout;

  bool is_head() const { return method == "HEAD"; }
  // May be sent again when a kept connection turns out to be closed (RFC 9110 section 9.2.2).
  bool is_idempotent() const;
  // A request without a body says so where one would be expected (RFC 9110 section 8.6).
  bool expects_body() const { return method == "POST" || method == "PUT" || method == "PATCH"; }
};

// Nothing of the grant but its limits is looked at. Errors: kHttpRequest…, kHttpProtocolError (a
// field that is none).
tl::expected<CheckedRequest, capability::OutboundFailure> check_request(
    const capability::OutboundRequest& request, const capability::OutboundLimits& limits);

// Trailers as "name: value". Errors: kHttpProtocolError, kHttpRequestHeaderSectionSize.
tl::expected<std::vector<std::string>, capability::OutboundFailure> check_fields(
    const http::Fields& fields, const capability::OutboundLimits& limits);

}  // namespace godwit::outbound
