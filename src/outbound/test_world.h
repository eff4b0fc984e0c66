// For tests: a client on a loop that is turned by hand, names that the test answers, one grant and
// its OutboundHttp.
//
//   TestWorld world({peer.url()});
//   const TestAnswer answer = world.fetch({.method = "GET", .scheme = "http", …});
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "capability/manual.h"
#include "capability/outbound_http.h"
#include "outbound/client.h"
#include "outbound/test_loop.h"

namespace godwit::outbound {

using capability::OutboundCall;
using capability::OutboundFailure;
using capability::OutboundGrant;
using capability::OutboundHttp;
using capability::OutboundRequest;
using capability::OutboundState;

// Names of the test. Thread-safe: the resolver's threads ask.
class TestNames final {
 public:
  // The answers in turn; the last one stays.
  void answer(const std::string& host, std::vector<Resolution> answers) {
    const std::lock_guard lock(mutex_);
    answers_[host] = std::move(answers);
  }
  void answer(const std::string& host, std::string_view address) {
    answer(host, {Resolution{.addresses = {*IpAddress::parse(address)}}});
  }
  Resolution resolve(const std::string& host) {
    const std::lock_guard lock(mutex_);
    ++asked_;
    const auto found = answers_.find(host);
    if (found == answers_.end()) {
      return {.addresses = {}, .failure = OutboundFailure::kDestinationNotFound};
    }
    Resolution resolution = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    return resolution;
  }
  int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Resolution>> answers_;
  int asked_ = 0;
};

struct TestAnswer {
  std::optional<OutboundFailure> failure;  // of start() or of the call
  int status = 0;
  std::string body;
  std::optional<OutboundFailure> body_failure;
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<std::pair<std::string, std::string>> trailers;

  std::string field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (key == name) return value;
    }
    return "(none)";
  }
};

// "http://127.0.0.1:80/path?x" as a GET.
inline OutboundRequest get(const std::string& url, std::string method = "GET") {
  const std::size_t scheme = url.find("://");
  CHECK(scheme != std::string::npos, url);
  const std::size_t path = std::min(url.find('/', scheme + 3), url.size());
  OutboundRequest request;
  request.method = std::move(method);
  request.scheme = url.substr(0, scheme);
  request.authority = url.substr(scheme + 3, path - scheme - 3);
  request.path_with_query = url.substr(path);
  return request;
}

inline std::shared_ptr<OutboundGrant> grant_of(const std::vector<std::string>& hosts,
                                               std::string function = "test") {
  auto grant = std::make_shared<OutboundGrant>();
  grant->function = std::move(function);
  for (const std::string& host : hosts) {
    auto parsed = manifest::parse_outbound_host(host);
    CHECK(parsed.has_value(), host);
    grant->hosts.push_back(std::move(*parsed));
  }
  return grant;
}

class TestWorld final {
 public:
  explicit TestWorld(const std::vector<std::string>& hosts, const std::string& root_pem = {},
                     ClientOptions options = {.names_kept = Nanoseconds{0}})
      : grant(grant_of(hosts)),
        names(std::make_shared<TestNames>()),
        resolver({.resolve = [shared = names](const auto& host) { return shared->resolve(host); }}),
        client(loop, complete(std::move(options), root_pem)) {
    renew();
  }

  // The next invocation.
  void renew() { http = client.open(grant); }

  std::unique_ptr<OutboundCall> start(OutboundRequest request) {
    auto call = http->start(std::move(request));
    CHECK(call.has_value(), call ? "" : capability::outbound_failure_text(call.error()));
    return std::move(*call);
  }

  // Sends `body` as it finds room and reads all of the answer.
  TestAnswer fetch(OutboundRequest request, std::string_view body = {},
                   const http::Fields* trailers = nullptr) {
    TestAnswer answer;
    auto started = http->start(std::move(request));
    if (!started) {
      answer.failure = started.error();
      return answer;
    }
    OutboundCall& call = **started;
    bool finished = false;
    const auto step = [&] {
      while (!body.empty() && !call.request_body().closed()) {
        const MutableByteSpan room = call.request_body().prepare(body.size());
        if (room.empty()) break;
        std::copy_n(as_bytes(body).begin(), room.size(), room.begin());
        call.request_body().commit(room.size());
        body.remove_prefix(room.size());
      }
      if (body.empty() && !std::exchange(finished, true)) call.finish_request(trailers);
      return read(call, answer);
    };
    if (!loop.run_until(step)) answer.body = "(timed out)";
    return answer;
  }

  // True when all is there.
  static bool read(OutboundCall& call, TestAnswer& answer) {
    if (call.state() == OutboundState::kPending) return false;
    if (call.state() == OutboundState::kFailed) {
      answer.failure = call.failure();
      return true;
    }
    char buffer[20000];
    while (true) {
      const auto got = call.response_body().read({reinterpret_cast<std::byte*>(buffer), 20000});
      if (got.status == capability::ReadStatus::kPending) return false;
      if (got.status == capability::ReadStatus::kEnd) break;
      answer.body.append(buffer, got.size);
    }
    answer.status = call.response().status;
    answer.body_failure = call.body_failure();
    for (const auto& field : call.response().fields) {
      answer.fields.emplace_back(field.name, field.value);
    }
    if (const auto* const trailers = call.response_trailers()) {
      for (const auto& field : *trailers) answer.trailers.emplace_back(field.name, field.value);
    }
    return true;
  }

  std::vector<std::string> refusals;  // "target|reason|line"
  std::shared_ptr<OutboundGrant> grant;
  std::shared_ptr<TestNames> names;
  TestLoop loop;
  Resolver resolver;
  Client client;
  std::unique_ptr<OutboundHttp> http;

 private:
  ClientOptions complete(ClientOptions options, const std::string& root_pem) {
    static const bool kSetUp = (global_setup(), true);
    CHECK(kSetUp);
    options.resolver = &resolver;
    if (!root_pem.empty()) options.roots = TrustRoots::of_pem(root_pem);
    options.refused = [this](const Refusal& refusal) {
      refusals.push_back(std::string(refusal.target) + "|" + std::string(refusal.reason) + "|" +
                         std::string(refusal.line));
    };
    return options;
  }
};

}  // namespace godwit::outbound
