// What the metrics say of requests, by how they end.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/test_exchange.h"

namespace godwit::gateway {
namespace {

using namespace std::chrono_literals;
using test::TestExchange;
using testing::HasSubstr;
using testing::Not;

class ExchangeMetrics : public testing::Test {
 protected:
  // A function whose requests count under its name.
  std::shared_ptr<const runtime::Function> serve(std::string_view name, std::string_view script,
                                                 manifest::FunctionSpec spec = {}) {
    Route route;
    route.name = name;
    spec.name = name;
    route.function = t_.functions.make(script, std::move(spec));
    route.metrics = metrics_.function(name, {});
    t_.add(route);
    return route.function;
  }
  std::string page() const { return metrics_.expose(observe::ExpositionFormat::kPrometheus); }
  void expect(std::string_view function, std::string_view outcome, int count) const {
    EXPECT_THAT(page(),
                HasSubstr("{function=\"" + std::string(function) + "\",version=\"0\",outcome=\"" +
                          std::string(outcome) + "\"} " + std::to_string(count) + "\n"));
  }
  void expect_line(const std::string& line) const { EXPECT_THAT(page(), HasSubstr(line + "\n")); }

  observe::Metrics metrics_{{.workers = 1}};
  TestExchange t_{{.metrics = &metrics_.worker(0)}};
};

TEST_F(ExchangeMetrics, EachOutcomeIsCountedOnce) {
  const struct {
    const char* name;
    const char* script;
    const char* outcome;
  } rows[] = {
      {"good", "write 1 hello\n", "ok"},       {"traps", "trap unreachable\n", "function_error"},
      {"exits", "exit 1\n", "function_error"}, {"grows", "must_grow 5000\n", "function_error"},
      {"spins", "spin\n", "timeout"},
  };
  int count = 0;
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    serve(row.name, row.script, {.limits = {.cpu = 2ms}});
    t_.get("/" + std::string(row.name));
    t_.take_body();
    t_.close();
    expect(row.name, row.outcome, 1);
    expect_line("godwit_request_duration_seconds_count " + std::to_string(++count));
    expect_line("godwit_instantiate_seconds_count " + std::to_string(count));
  }
  EXPECT_THAT(page(), Not(HasSubstr("godwit_cpu_seconds_total{function=\"spins\"} 0\n")));
}

TEST_F(ExchangeMetrics, WhatNeverRanHasNoInstance) {
  serve("small", "echo\n", {.limits = {.request_body_bytes = 5}});
  t_.open("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n");
  t_.close();
  expect("small", "client_error", 1);
  t_.get("/nothing");
  t_.close();
  t_.exchange->refuse(ErrorCode::kBadRequest, t_.client);
  t_.close();
  expect("-", "client_error", 2);
  Route broken;
  broken.name = "broken";
  broken.unavailable = Error{ErrorCode::kModuleMalformed, {}, {}};
  broken.metrics = metrics_.function("broken", {});
  t_.add(broken);
  t_.get("/broken");
  t_.close();
  expect("broken", "unavailable", 1);
  expect_line("godwit_request_duration_seconds_count 4");
  expect_line("godwit_instantiate_seconds_count 0");
}

TEST_F(ExchangeMetrics, RefusalsHaveAReason) {
  serve("full", "wait\n", {.limits = {.concurrency = 1, .queue = 0}});
  test::RecordingWriter other_writer;
  Exchange other(t_.gateway, other_writer);
  const test::ParsedRequest parsed("GET /full HTTP/1.1\r\nHost: h\r\n\r\n");
  other.open(parsed.request(), t_.client);
  other.start();
  t_.get("/full");
  t_.close();
  expect("full", "rejected", 1);
  expect_line("godwit_rejected_total{reason=\"function_busy\"} 1");
  expect_line("godwit_instantiate_seconds_count 0");
  other.cancel();
  other.close({.complete = false});
  expect("full", "cancelled", 1);
  expect_line("godwit_instantiate_seconds_count 1");
  t_.gateway.set_draining();
  t_.get("/full");
  t_.close();
  expect("-", "rejected", 1);
  expect_line("godwit_rejected_total{reason=\"draining\"} 1");
}

// The response was on its way when the client went.
TEST_F(ExchangeMetrics, AnAnswerThatWasNotTakenIsCancelled) {
  serve("good", "write 1 hello\n");
  t_.get("/good");
  t_.close(false);
  expect("good", "cancelled", 1);
  expect("good", "ok", 0);
}

TEST_F(ExchangeMetrics, WhatALogDidNotTake) {
  serve("loud", "fill 2 5000 x\n", {.limits = {.log_bytes = 1000}});
  t_.get("/loud");
  t_.close();
  expect_line("godwit_log_bytes_dropped_total 4000");
  // A request that runs nothing does not count the last one's again.
  t_.get("/nothing");
  t_.close();
  expect_line("godwit_log_bytes_dropped_total 4000");
}

TEST_F(ExchangeMetrics, ARouteThatNobodyCounts) {
  t_.serve("plain", "write 1 hello\n");
  t_.get("/plain");
  t_.close();
  expect("-", "ok", 1);
}

}  // namespace
}  // namespace godwit::gateway
