// What Godwit itself answers: problem bodies, the page of --dev, redirects.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "gateway/exchange.h"
#include "gateway/index_page.h"
#include "gateway/problem.h"

namespace godwit::gateway {
namespace {

// JSON escapes make a byte six at most: what we answer ourselves always fits the response pipe.
constexpr std::size_t kMaxDetailBytes = std::size_t{8} << 10;
constexpr std::size_t kMaxPageBytes = std::size_t{48} << 10;

// A target as RFC 3986 wants it: what a client may send but a URI does not hold is encoded. Above
// all the backslash: browsers take "/\\host" for "//host", another site.
void append_uri(std::string& out, std::string_view target) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f &&
        std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

}  // namespace

void Exchange::respond_with_error(ErrorCode code, std::string_view detail) {
  code_ = code;
  std::string shown;
  if (gateway_.options().details == Details::kShown) {
    shown = detail;
    for (const std::string& text : last_lines_) shown += "\nstderr: " + text;
    shown.resize(std::min(shown.size(), kMaxDetailBytes));
  }
  last_lines_.clear();
  problem_head(code, head_);
  send_whole(problem_body({.code = code, .request_id = request_id_, .detail = shown}));
}

void Exchange::respond_with_index() {
  head_.clear();
  const bool added = head_.fields.append_view("Content-Type", "text/html; charset=utf-8") &&
                     head_.fields.append_view("Cache-Control", "no-store");
  CHECK(added);
  send_whole(index_page(gateway_.routes(), kMaxPageBytes));
}

// Nothing is served at the path, or not with this method, or not with an encoded slash.
void Exchange::respond_without_route() {
  const std::string allowed = gateway_.routes().allowed_methods(
      {.host = request_->host, .method = request_->method, .path = path_});
  if (!allowed.empty()) {
    code_ = ErrorCode::kMethodNotAllowed;
    problem_head(*code_, head_);
    head_.fields.remove("Allow");
    if (!head_.fields.append("Allow", allowed)) {
      return respond_with_error(ErrorCode::kNoRoute, "too many methods for one field");
    }
    return send_whole(problem_body({.code = *code_, .request_id = request_id_, .detail = {}}));
  }
  if (path_.has_encoded_slash()) {
    return respond_with_error(ErrorCode::kBadPath, "an encoded slash (%2F)");
  }
  const bool wants_index =
      path_.text() == "/" && (request_->method == "GET" || request_->is_head());
  if (wants_index && gateway_.options().details == Details::kShown) return respond_with_index();
  respond_with_error(ErrorCode::kNoRoute, {});
}

// The path is what matched a pattern's segments, none of them empty, so it begins with one slash:
// the client stays on this site.
void Exchange::respond_with_slash_added() {
  std::string location;
  append_uri(location, path_.raw());
  CHECK(!location.starts_with("//"), location);
  location += '/';
  if (!request_->query.empty()) {
    location += '?';
    append_uri(location, request_->query);
  }
  head_.clear();
  head_.status = 307;  // as ServeMux since Go 1.26: the method stays, and nobody caches it
  if (!head_.fields.append("Location", location)) {
    return respond_with_error(ErrorCode::kTargetTooLong, {});
  }
  send_whole({});
}

// A whole response with the fields in head_.
void Exchange::send_whole(std::string_view body) {
  const bool added = head_.fields.append_view("x-request-id", request_id_);
  CHECK(added);
  request_body_.abandon();
  // The page of --dev may be more than a narrow pipe takes.
  if (body.size() > response_body_.writable_bytes()) {
    response_body_.set_width(http::BodyPipe::Width::kFull);
  }
  const std::size_t written = response_body_.write(as_bytes(body));
  CHECK(written == body.size(), written, body.size());
  response_body_.finish();
  send_head(body.size());
}

}  // namespace godwit::gateway
