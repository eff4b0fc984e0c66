// MetricsPages: request → reply of the read-only HTTP side. No I/O; one thread.
//
//   MetricsPages pages(site);
//   MetricsReply reply = pages.reply(parser.request());
//   send(reply.head, *reply.body);
//
// A page of metrics is made at most so often that it costs kRest times less CPU time than passes:
// who asks all the time gets a page that is a little old, and workers keep their cores.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "admin/metrics_site.h"
#include "base/clock.h"
#include "base/error.h"
#include "capability/random.h"
#include "http/request.h"
#include "http/response.h"

namespace godwit::admin {

struct MetricsReply {
  http::ResponseHead head;
  std::shared_ptr<const std::string> body;  // shared by all who get the same page
};

class MetricsPages final {
 public:
  // `site` must outlive this.
  explicit MetricsPages(MetricsSite& site) : site_(site) {}

  MetricsReply reply(const http::Request& request);
  // What is no request, or one that is not for here.
  MetricsReply problem(ErrorCode code);

 private:
  static constexpr int kRest = 19;  // 5 % of a core for each of the two formats

  struct Page {
    std::shared_ptr<const std::string> text;
    TimePoint fresh_until;
  };

  std::shared_ptr<const std::string> metrics_page(observe::ExpositionFormat format);
  MetricsReply health(const Health& health, std::string_view good, std::string_view bad);
  MetricsReply make_reply(int status, std::string_view content_type,
                          std::shared_ptr<const std::string> body);
  std::string request_id();

  MetricsSite& site_;
  capability::SystemRandom random_;
  std::array<Page, 2> pages_;  // by format
};

}  // namespace godwit::admin
