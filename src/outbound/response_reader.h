// ResponseReader: the lines of a response's heads and trailers, as libcurl hands them over, one by
// one, also those that it makes up for HTTP/2.
//
//   ResponseReader reader(limits.response_fields_bytes);
//   auto line = reader.read("HTTP/1.1 200 OK\r\n");
//   if (!line) fail(line.error());
//   if (*line == ResponseLine::kHeadEnd) use(reader.head());
//
// All heads (1xx too) and trailers together are bounded. Not thread-safe.
#pragma once

#include <string_view>

#include "capability/outbound_http.h"
#include "http/response.h"

namespace godwit::outbound {

enum class ResponseLine : std::uint8_t {
  kMore,     // a line of a head, or the end of a 1xx
  kHeadEnd,  // head() is whole and final
  kTrailer,
};

class ResponseReader final {
 public:
  explicit ResponseReader(std::size_t bytes_max) : bytes_left_(bytes_max) {}

  // Errors: kHttpResponseHeaderSectionSize, kHttpResponseTrailerSectionSize, kHttpProtocolError,
  // kHttpUpgradeFailed (101, which nobody asked for).
  tl::expected<ResponseLine, capability::OutboundFailure> read(std::string_view line);

  const http::ResponseHead& head() const { return head_; }
  // Null before there is one.
  const http::Fields* trailers() const { return trailers_.empty() ? nullptr : &trailers_; }

 private:
  tl::expected<ResponseLine, capability::OutboundFailure> begin(std::string_view line);
  tl::expected<ResponseLine, capability::OutboundFailure> end();

  std::size_t bytes_left_;
  bool has_status_ = false;
  bool whole_ = false;
  http::ResponseHead head_{.status = 0, .fields = http::Fields(capability::kOutboundFields)};
  http::Fields trailers_{capability::kOutboundFields};
};

}  // namespace godwit::outbound
