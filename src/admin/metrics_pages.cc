#include "admin/metrics_pages.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/json.h"
#include "gateway/problem.h"

namespace godwit::admin {
namespace {

void add(http::ResponseHead& head, std::string_view name, std::string_view value) {
  const bool added = head.fields.append(name, value);
  CHECK(added, name);  // a handful of short fields always fit
}

}  // namespace

MetricsReply MetricsPages::reply(const http::Request& request) {
  const bool known =
      request.path == "/metrics" || request.path == "/healthz" || request.path == "/readyz";
  if (!known) return problem(ErrorCode::kNoRoute);
  if (request.method != "GET" && !request.is_head()) return problem(ErrorCode::kMethodNotAllowed);
  // Nobody waits here for one.
  if (request.has_body()) return problem(ErrorCode::kRequestBodyTooLarge);
  if (request.path == "/healthz") return health(site_.live(), "ok", "failing");
  if (request.path == "/readyz") return health(site_.ready(), "ready", "not ready");
  const auto format = observe::format_for(request.fields.get("Accept").value_or(""));
  return make_reply(200, observe::content_type_of(format), metrics_page(format));
}

MetricsReply MetricsPages::problem(ErrorCode code) {
  MetricsReply reply;
  gateway::problem_head(code, reply.head);
  if (reply.head.fields.remove("Allow") != 0) add(reply.head, "Allow", "GET, HEAD");
  const std::string id = request_id();
  add(reply.head, "x-request-id", id);
  reply.body = std::make_shared<const std::string>(
      gateway::problem_body({.code = code, .request_id = id, .detail = {}}));
  return reply;
}

MetricsReply MetricsPages::health(const Health& health, std::string_view good,
                                  std::string_view bad) {
  std::string body = "{\"status\":";
  append_json_string(body, health.good ? good : bad);
  if (!health.good) {
    body += ",\"reason\":";
    append_json_string(body, health.reason);
  }
  body += "}\n";
  return make_reply(health.good ? 200 : 503, "application/json",
                    std::make_shared<const std::string>(std::move(body)));
}

MetricsReply MetricsPages::make_reply(int status, std::string_view content_type,
                                      std::shared_ptr<const std::string> body) {
  MetricsReply reply{.head = {}, .body = std::move(body)};
  reply.head.status = status;
  add(reply.head, "Content-Type", content_type);
  add(reply.head, "Cache-Control", "no-store");
  if (status == 503) add(reply.head, "Retry-After", "1");
  add(reply.head, "x-request-id", request_id());
  return reply;
}

std::shared_ptr<const std::string> MetricsPages::metrics_page(observe::ExpositionFormat format) {
  Page& page = pages_[static_cast<std::size_t>(format)];
  if (page.text != nullptr && monotonic_now() < page.fresh_until) return page.text;
  const Nanoseconds started = thread_cpu_now();
  page.text = std::make_shared<const std::string>(site_.metrics(format));
  page.fresh_until = monotonic_now() + kRest * (thread_cpu_now() - started);
  return page.text;
}

std::string MetricsPages::request_id() {
  std::array<std::byte, 16> random;
  random_.fill(random);
  return to_hex(random);
}

}  // namespace godwit::admin
