// RequestFile: an HTTP request that somebody wrote into a file, for `godwit run --request`.
//
//   POST /hello/7?name=Ada HTTP/1.1        ← "HTTP/1.1" may be left out
//   Content-Type: application/json         ← Host and Content-Length are added where missing
//                                          ← an empty line, then the body
//   {"a": 1}
//
//   auto file = RequestFile::parse(text, limits.request_body_bytes);
//   decode((*file)->request()); feed((*file)->body());
//
// Lines of the head may end with LF alone. What results goes through the server's own parser, so
// nothing gets through that a server would refuse. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/parser.h"

namespace godwit::cli {

// The longest file that is read beside the body's limit.
inline constexpr std::uint64_t kMaxRequestHeadBytes = std::uint64_t{1} << 20;

class RequestFile final {
 public:
  // Errors: kBadRequest and the parser's other codes, kRequestBodyTooLarge, kExpectationFailed.
  static Result<std::unique_ptr<RequestFile>> parse(std::string_view text,
                                                    std::uint64_t body_bytes_max);
  RequestFile(const RequestFile&) = delete;
  RequestFile& operator=(const RequestFile&) = delete;

  const http::Request& request() const { return parser_.request(); }
  const std::string& body() const { return body_; }

 private:
  RequestFile() = default;
  Result<void> read(std::uint64_t body_bytes_max);

  std::string bytes_;
  http::Parser parser_;
  std::string body_;
};

// The text as it would stand on the wire.
std::string complete_request(std::string_view text);

}  // namespace godwit::cli
