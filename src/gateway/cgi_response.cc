#include "gateway/cgi_response.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/ascii.h"

namespace godwit::gateway {
namespace {

// The next line without its end, or nothing when there is no whole line.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = rest.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  rest.remove_prefix(end + 1);
  return line;
}

tl::unexpected<Error> bad(std::string detail) {
  return fail(ErrorCode::kBadCgiResponse, std::move(detail));
}

Result<int> parse_status(std::string_view value) {
  const bool digits = value.size() >= 3 && http::is_digit(value[0]) && http::is_digit(value[1]) &&
                      http::is_digit(value[2]) && (value.size() == 3 || value[3] == ' ');
  if (!digits) return bad("Status must be three digits and an optional reason");
  const int status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
  if (status < 200 || status > 599) return bad(fmt::format("Status {} is not a final one", status));
  return status;
}

// What was seen of the three fields of which one must be there.
struct Seen {
  bool status = false;
  bool content_type = false;
  bool location = false;
};

Result<void> take_field(std::string_view line, http::ResponseHead& head, Seen& seen) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header line has no colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = http::trim_ows(line.substr(colon + 1));
  if (!http::is_token(name)) return bad("a header name has characters that are not allowed");
  if (!http::is_field_value(value)) return bad("a header value has control characters");
  if (http::equals_ignoring_case(name, "status")) {
    if (std::exchange(seen.status, true)) return bad("Status is given twice");
    auto status = parse_status(value);
    if (!status) return fail(std::move(status.error()));
    head.status = *status;
    return {};
  }
  if (http::is_connection_field(name)) return {};
  const bool content_type = http::equals_ignoring_case(name, "content-type");
  const bool location = http::equals_ignoring_case(name, "location");
  if (content_type && std::exchange(seen.content_type, true)) {
    return bad("Content-Type is given twice");
  }
  if (location && std::exchange(seen.location, true)) return bad("Location is given twice");
  if (!head.fields.append(name, value)) return bad("there are too many header fields");
  return {};
}

}  // namespace

Result<std::optional<CgiHeader>> parse_cgi_header(std::string_view text, OutputState state,
                                                  http::ResponseHead& head) {
  head.clear();
  Seen seen;
  std::string_view rest = text.substr(0, kMaxCgiHeaderBytes);
  while (const auto line = take_line(rest)) {
    if (!line->empty()) {
      auto taken = take_field(*line, head, seen);
      if (!taken) return fail(std::move(taken.error()));
      continue;
    }
    if (!seen.status && !seen.content_type && !seen.location) {
      return bad("the block has neither Content-Type nor Location nor Status");
    }
    if (seen.location && !seen.status) head.status = 302;
    return CgiHeader{std::min(text.size(), kMaxCgiHeaderBytes) - rest.size()};
  }
  if (text.size() >= kMaxCgiHeaderBytes) {
    return bad(fmt::format("the block is longer than {} bytes", kMaxCgiHeaderBytes));
  }
  if (state == OutputState::kEnded) return bad("the output ended before the empty line");
  return std::nullopt;
}

}  // namespace godwit::gateway
