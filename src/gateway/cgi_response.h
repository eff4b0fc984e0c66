// CgiResponse: the header block that a function in `response = "cgi"` mode prints before its body
// (RFC 3875 section 6).
//
//   Status: 201 Created
//   Content-Type: application/json
//   Location: /things/7
//                                  ← empty line, then the body
//
// parse_cgi_header() is fed what was printed so far and says whether the block is complete. The
// input is a hostile guest's. Pure function.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "http/response.h"

namespace godwit::gateway {

// The block must fit into this many bytes, so that it is found before the head must go out.
inline constexpr std::size_t kMaxCgiHeaderBytes = std::size_t{16} << 10;

struct CgiHeader {
  std::size_t body_offset = 0;  // where the body starts in `text`
};

enum class OutputState : std::uint8_t { kMore, kEnded };  // may the guest still print?

// `head` gets status and fields (copied) when the block is complete. Nothing when more is needed.
// Lines end with LF or CRLF. Rules: Status is three digits from 200 to 599, with an optional
// reason, which is dropped; Location without Status makes 302 (a client redirect; a path is
// passed on as it is, there are no internal redirects); a block must have Content-Type, Location
// or Status; fields of the connection (Content-Length, Transfer-Encoding, …) are dropped, the
// server frames the body itself; other fields keep order and duplicates.
// Errors: kBadCgiResponse.
Result<std::optional<CgiHeader>> parse_cgi_header(std::string_view text, OutputState state,
                                                  http::ResponseHead& head);

}  // namespace godwit::gateway
