#include "gateway/http_answer.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/ascii.h"
#include "http/head_rules.h"

namespace godwit::gateway {
namespace {

constexpr std::size_t kMaxErrorBytes = 256;

bool is_sound(const http::Field& field) {
  return http::is_token(field.name) && http::is_field_value(field.value);
}

bool is_request_id(const http::Field& field) {
  return http::equals_ignoring_case(field.name, "x-request-id");
}

// Does the client say "TE: trailers"?
bool takes_trailers(const http::Request& request) {
  for (const http::Field& field : request.fields) {
    if (!http::equals_ignoring_case(field.name, "te")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (http::equals_ignoring_case(http::trim_ows(rest.substr(0, comma)), "trailers")) {
        return true;
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

}  // namespace

void HttpAnswer::begin(const http::Request& request) {
  clear();
  request_ = &request;
}

void HttpAnswer::clear() {
  request_ = nullptr;
  request_trailers_ = nullptr;
  state_ = State::kNone;
  declared_.reset();
  error_.reset();
  head_.clear();
  trailers_.clear();
}

std::optional<std::uint64_t> HttpAnswer::length(std::uint64_t written) const {
  if (declared_) return declared_;
  if (complete() && trailers_.empty()) return written;
  return std::nullopt;
}

Result<void> HttpAnswer::close(std::uint64_t written) {
  if (error_) return fail(ErrorCode::kGuestAnsweredError, *error_);
  if (state_ == State::kNone) return fail(ErrorCode::kNoHttpResponse);
  if (aborted()) return fail(ErrorCode::kHttpResponseIncomplete);
  // The length of what GET would have got (RFC 9110 section 8.6).
  const bool has_no_body = request_->is_head() || http::status_has_no_body(head_.status);
  const bool is_left_out = has_no_body && written == 0;
  if (!is_left_out && declared_.value_or(written) != written) {
    return fail(ErrorCode::kHttpResponseIncomplete,
                fmt::format("{} bytes were declared, {} written", *declared_, written));
  }
  state_ = State::kComplete;
  return {};
}

std::optional<capability::OutboundFailure> HttpAnswer::request_body_failure() const {
  if (request_body_ == nullptr || !request_body_->aborted()) return std::nullopt;
  return capability::OutboundFailure::kConnectionTerminated;
}

bool HttpAnswer::respond(int status, const http::Fields& fields) {
  if (state_ != State::kNone || error_ || status < 200 || status > 599) return false;
  if (!std::all_of(fields.begin(), fields.end(), is_sound)) return false;
  http::ResponseHead head{.status = status, .fields = {}};
  std::optional<std::uint64_t> declared;
  for (const http::Field& field : fields) {
    if (http::equals_ignoring_case(field.name, "content-length")) {
      const auto length = http::parse_content_length(field.value);
      if (!length || (declared && *declared != *length)) return false;
      declared = length;
      continue;
    }
    if (http::is_connection_field(field.name)) continue;
    if (is_request_id(field)) continue;  // the id is ours
    if (!head.fields.append(field.name, field.value)) return false;
  }
  head_ = std::move(head);
  declared_ = declared;
  state_ = State::kBegun;
  return true;
}

void HttpAnswer::respond_with_error(std::string_view text) {
  if (state_ == State::kNone && !error_) error_ = text.substr(0, kMaxErrorBytes);
}

bool HttpAnswer::finish_response(const http::Fields* trailers) {
  if (state_ != State::kBegun) return false;
  state_ = State::kComplete;
  if (trailers == nullptr) return true;
  // With a length there is no place for them.
  if (!takes_trailers(*request_) || declared_) return true;
  for (const http::Field& field : *trailers) {
    if (!is_sound(field) || http::is_forbidden_trailer(field.name) || is_request_id(field) ||
        !trailers_.append(field.name, field.value)) {
      trailers_.clear();
      return false;
    }
  }
  return true;
}

void HttpAnswer::abort_response() {
  if (state_ == State::kBegun) state_ = State::kAborted;
}

}  // namespace godwit::gateway
