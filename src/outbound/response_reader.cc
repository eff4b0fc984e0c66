#include "outbound/response_reader.h"

#include "http/ascii.h"

namespace godwit::outbound {
namespace {

using capability::OutboundFailure;

tl::unexpected<OutboundFailure> refuse(OutboundFailure failure) {
  return tl::unexpected<OutboundFailure>(failure);
}

}  // namespace

tl::expected<ResponseLine, OutboundFailure> ResponseReader::read(std::string_view line) {
  if (line.size() > bytes_left_) {
    return refuse(whole_ ? OutboundFailure::kHttpResponseTrailerSectionSize
                         : OutboundFailure::kHttpResponseHeaderSectionSize);
  }
  bytes_left_ -= line.size();
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (!has_status_) return begin(line);
  if (line.empty()) return whole_ ? ResponseLine::kTrailer : end();
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  // Folded lines (they begin with a blank) have no name that is a token.
  if (colon == std::string_view::npos || !http::is_token(name)) {
    return refuse(OutboundFailure::kHttpProtocolError);
  }
  const std::string_view value = http::trim_ows(line.substr(colon + 1));
  if (!http::is_field_value(value)) return refuse(OutboundFailure::kHttpProtocolError);
  if (!(whole_ ? trailers_ : head_.fields).append(name, value)) {
    return refuse(whole_ ? OutboundFailure::kHttpResponseTrailerSectionSize
                         : OutboundFailure::kHttpResponseHeaderSectionSize);
  }
  return whole_ ? ResponseLine::kTrailer : ResponseLine::kMore;
}

// "HTTP/1.1 200 OK", "HTTP/2 200".
tl::expected<ResponseLine, OutboundFailure> ResponseReader::begin(std::string_view line) {
  const std::size_t blank = line.find(' ');
  if (!line.starts_with("HTTP/") || blank == std::string_view::npos) {
    return refuse(OutboundFailure::kHttpProtocolError);
  }
  const std::string_view code = line.substr(blank + 1, 3);
  const std::string_view rest = line.substr(blank + 1 + code.size());
  if (code.size() != 3 || (!rest.empty() && rest.front() != ' ')) {
    return refuse(OutboundFailure::kHttpProtocolError);
  }
  int status = 0;
  for (const char c : code) {
    if (!http::is_digit(c)) return refuse(OutboundFailure::kHttpProtocolError);
    status = status * 10 + (c - '0');
  }
  if (status < 100 || status > 599) return refuse(OutboundFailure::kHttpProtocolError);
  head_.status = status;
  has_status_ = true;
  return ResponseLine::kMore;
}

tl::expected<ResponseLine, OutboundFailure> ResponseReader::end() {
  if (head_.status == 101) return refuse(OutboundFailure::kHttpUpgradeFailed);
  if (head_.status < 200) {
    head_.clear();
    has_status_ = false;
    return ResponseLine::kMore;
  }
  whole_ = true;
  return ResponseLine::kHeadEnd;
}

}  // namespace godwit::outbound
