// The rules for a request's head that go beyond its grammar: request line and target forms, the
// authority, and what the fields say together about framing (RFC 9112 sections 3, 6 and 9). Used
// by Parser; pure functions over text whose lines LineGuard has passed.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/request.h"

namespace godwit::http {

struct RequestLineLimits {
  std::size_t method_bytes;
  std::size_t target_bytes;
};

// "GET /path?x HTTP/1.1" (without CRLF) → method, target and version of `request`; exactly one
// space between them. Errors: kBadRequest, kMethodNotAllowed (CONNECT, and PRI with HTTP/1.x),
// kTargetTooLong, kUnsupportedHttpVersion.
Result<void> read_request_line(std::string_view line, RequestLineLimits limits, Request& request);

// target → path, query and, from an absolute-form, host. Origin-form, absolute-form with http or
// https, and "*" for OPTIONS; the rest (authority-form, a fragment, a space, a control, non-ASCII,
// user information) is kBadRequest.
Result<void> read_target(Request& request);

// fields → host, content_length, chunked, keep_alive, expectation. Errors: kBadRequest,
// kUnsupportedTransferCoding.
Result<void> read_fields(Request& request);

// host[:port] as Request::host documents it; not empty.
bool is_authority(std::string_view text);

// A length in digits only that is less than 2^63, so that sums of a few can't overflow.
std::optional<std::uint64_t> parse_content_length(std::string_view text);

}  // namespace godwit::http
