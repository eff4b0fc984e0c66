#include "gateway/problem.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/json.h"

namespace godwit::gateway {
namespace {

void add(http::ResponseHead& head, std::string_view name, std::string_view value) {
  const bool added = head.fields.append_view(name, value);
  CHECK(added, name);  // a handful of static fields always fit
}

}  // namespace

std::string problem_body(const ProblemOptions& options) {
  const ErrorInfo& info = error_info(options.code);
  const std::string code = error_code_text(options.code);
  std::string body = fmt::format("{{\"type\":\"urn:godwit:error:{}\",\"title\":", code);
  append_json_string(body, info.title);
  fmt::format_to(std::back_inserter(body),
                 ",\"status\":{},\"code\":\"{}\",\"request_id\":", info.http_status, code);
  append_json_string(body, options.request_id);
  if (!options.detail.empty()) {
    body += ",\"detail\":";
    append_json_string(body, options.detail);
  }
  body += "}\n";
  return body;
}

void problem_head(ErrorCode code, http::ResponseHead& head) {
  head.clear();
  head.status = error_info(code).http_status;
  add(head, "Content-Type", kProblemType);
  add(head, "Cache-Control", "no-store");
  // RFC 9110 section 15.5.6: a 405 names what is allowed.
  if (head.status == 405) {
    add(head, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  }
  if (head.status == 429 || head.status == 503) add(head, "Retry-After", "1");
}

}  // namespace godwit::gateway
