// Response → bytes: appends heads and chunk framing to a buffer that the caller reuses, so that a
// response is one writev of this buffer and the body.
//
//   auto framing = append_response_head(out, head, {.version = request.version,
//                                       .head_request = request.is_head(),
//                                       .keep_alive = request.keep_alive,
//                                       .content_length = body.size()}, dates);
//   if (!framing) ...                            // the head is not valid; `out` is unchanged
//   if (framing->body == BodyFraming::kChunked) append_chunk_head(out, piece.size());
//
// Pure functions, and DateCache: one per worker, not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/request.h"
#include "http/response.h"

namespace godwit::http {

// The Date field's text (IMF-fixdate, RFC 9110 section 5.6.7), made again once a second.
class DateCache final {
 public:
  // The text for now. The view is valid until the next call.
  std::string_view now();
  // The text for `time`, a UNIX time from 0 to the year 9999.
  std::string_view at(std::time_t time);

 private:
  std::time_t time_ = -1;
  std::array<char, 29> text_{};  // "Sun, 06 Nov 1994 08:49:37 GMT"
};

struct ResponseOptions {
  Version version = Version::kHttp11;  // of the request; kHttp11 when there was no valid one
  bool head_request = false;           // the method was HEAD
  bool keep_alive = true;              // both the client and we want to go on
  // The body's length where it is known; without it the body is chunked (HTTP/1.1) or ends with
  // the connection (HTTP/1.0).
  std::optional<std::uint64_t> content_length;
};

enum class BodyFraming : std::uint8_t {
  kNone,           // send no body: HEAD, 204, 304, 205
  kContentLength,  // exactly content_length bytes
  kChunked,        // append_chunk_head() … kChunkEnd for each piece, kLastChunk at the end
  kUntilClose,     // the bytes, then close
};

struct ResponseFraming {
  BodyFraming body = BodyFraming::kNone;
  bool keep_alive = false;  // false: close the connection after this response
};

// Appends status line, fields and the empty line. Errors: kInternal with a detail when the status
// is not in 200..599, or a field has an invalid name or value (CR, LF, NUL, other controls); then
// `out` is as it was. The caller decides whose fault that is (kBadCgiResponse for a guest's).
Result<ResponseFraming> append_response_head(std::string& out, const ResponseHead& head,
                                             const ResponseOptions& options, DateCache& dates);

// Appends the size line of a chunk; after the chunk's bytes comes kChunkEnd. REQUIRES: size > 0
// (a chunk of 0 bytes would end the body).
void append_chunk_head(std::string& out, std::size_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// The same with trailer fields in it; of the connection's own fields none is sent (RFC 9110 section
// 6.5.1).
void append_last_chunk(std::string& out, const Fields& trailers);

// The interim response to Expectation::kContinue.
inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace godwit::http
