#include "observe/metrics.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

std::string page_of(const Metrics& metrics) {
  return metrics.expose(ExpositionFormat::kPrometheus);
}

// The value of the line that begins with `series`; fails the test when there is not exactly one.
std::string value_of(const std::string& page, const std::string& series) {
  const std::string begin = "\n" + series + " ";
  const std::size_t at = page.find(begin);
  if (at == std::string::npos || page.find(begin, at + 1) != std::string::npos) {
    ADD_FAILURE() << series << " is not there once:\n" << page;
    return "";
  }
  const std::size_t value = at + begin.size();
  return page.substr(value, page.find('\n', value) - value);
}

std::string requests(std::string_view function, std::string_view outcome) {
  return "godwit_requests_total{function=\"" + std::string(function) +
         "\",version=\"0\",outcome=\"" + std::string(outcome) + "\"}";
}

TEST(Metrics, ARequestIsCountedWhereItBelongs) {
  Metrics metrics({.workers = 2});
  const auto greet = metrics.function("greet", {});
  metrics.worker(0).count(
      greet.get(),
      {.duration = microseconds(40), .cpu = microseconds(12), .setup = microseconds(3)});
  metrics.worker(1).count(
      greet.get(), {.code = ErrorCode::kGuestTrapped, .duration = seconds(2), .cpu = seconds(1)});
  const std::string page = page_of(metrics);
  EXPECT_EQ(value_of(page, requests("greet", "ok")), "1");
  EXPECT_EQ(value_of(page, requests("greet", "function_error")), "1");
  EXPECT_EQ(value_of(page, requests("greet", "timeout")), "0");
  EXPECT_EQ(value_of(page, requests("-", "ok")), "0");
  EXPECT_EQ(value_of(page, "godwit_cpu_seconds_total{function=\"greet\"}"), "1.000012");
  EXPECT_EQ(value_of(page, "godwit_request_duration_seconds_bucket{le=\"0.00005\"}"), "1");
  EXPECT_EQ(value_of(page, "godwit_request_duration_seconds_bucket{le=\"1.0\"}"), "1");
  EXPECT_EQ(value_of(page, "godwit_request_duration_seconds_bucket{le=\"2.5\"}"), "2");
  EXPECT_EQ(value_of(page, "godwit_request_duration_seconds_count"), "2");
  EXPECT_EQ(value_of(page, "godwit_request_duration_seconds_sum"), "2.00004");
  EXPECT_EQ(value_of(page, "godwit_instantiate_seconds_bucket{le=\"0.000002\"}"), "0");
  EXPECT_EQ(value_of(page, "godwit_instantiate_seconds_bucket{le=\"0.000005\"}"), "1");
  EXPECT_EQ(value_of(page, "godwit_instantiate_seconds_count"), "1") << "the second made none";
}

TEST(Metrics, WhatHasNoFunctionAndWhatIsRefused) {
  Metrics metrics({.workers = 2});
  metrics.worker(0).count(nullptr, {.code = ErrorCode::kNoRoute});
  metrics.worker(1).count(nullptr, {.code = ErrorCode::kDraining});
  metrics.worker(1).count(nullptr, {.code = ErrorCode::kDraining});
  const auto full = metrics.function("full", {});
  metrics.worker(0).count(full.get(), {.code = ErrorCode::kFunctionBusy});
  const std::string page = page_of(metrics);
  EXPECT_EQ(value_of(page, requests("-", "client_error")), "1");
  EXPECT_EQ(value_of(page, requests("-", "rejected")), "2");
  EXPECT_EQ(value_of(page, requests("full", "rejected")), "1");
  EXPECT_EQ(value_of(page, "godwit_rejected_total{reason=\"draining\"}"), "2");
  EXPECT_EQ(value_of(page, "godwit_rejected_total{reason=\"function_busy\"}"), "1");
  EXPECT_EQ(value_of(page, "godwit_rejected_total{reason=\"server_overloaded\"}"), "0");
}

TEST(Metrics, BoundsBelongToTheirBucket) {
  static constexpr BucketBounds<2> kBounds = {microseconds(1), milliseconds(1)};
  HistogramShard<kBounds> shard;
  for (const Nanoseconds time :
       {Nanoseconds(-5), Nanoseconds(0), Nanoseconds(1'000), Nanoseconds(1'001),
        Nanoseconds(1'000'000), Nanoseconds(1'000'001), Nanoseconds(3'000'000'000)}) {
    shard.observe(time);
  }
  HistogramTotals totals = totals_of(kBounds);
  shard.add_to(totals);
  shard.add_to(totals);
  EXPECT_THAT(totals.counts, testing::ElementsAre(6, 4, 4));
  EXPECT_EQ(totals.sum_ns, 2 * 3'002'002'002ull);
}

TEST(Metrics, BucketsAscend) {
  EXPECT_TRUE(std::is_sorted(kDurationBounds.begin(), kDurationBounds.end()));
  EXPECT_TRUE(std::is_sorted(kInstantiateBounds.begin(), kInstantiateBounds.end()));
  EXPECT_TRUE(std::is_sorted(kCompileBounds.begin(), kCompileBounds.end()));
}

TEST(Metrics, AFunctionGoesOnOverReloadsAndEndsWithItsLastHolder) {
  Metrics metrics({.workers = 1});
  auto route = metrics.function("f", {});
  metrics.worker(0).count(route.get(), {});
  auto reloaded = metrics.function("f", {});
  EXPECT_EQ(reloaded, route);
  route.reset();
  metrics.worker(0).count(reloaded.get(), {});
  EXPECT_EQ(value_of(page_of(metrics), requests("f", "ok")), "2");
  EXPECT_EQ(value_of(page_of(metrics), "godwit_functions"), "1");
  reloaded.reset();
  EXPECT_THAT(page_of(metrics), Not(HasSubstr("function=\"f\"")));
  route = metrics.function("f", {});
  EXPECT_EQ(value_of(page_of(metrics), requests("f", "ok")), "0");
}

TEST(Metrics, NamesThatComeAndGoLeaveNothing) {
  Metrics metrics({.workers = 1});
  const auto kept = metrics.function("kept", {});
  metrics.worker(0).count(kept.get(), {});
  for (int i = 0; i < 10'000; ++i) metrics.function("f" + std::to_string(i), {});
  EXPECT_EQ(value_of(page_of(metrics), "godwit_functions"), "1");
  EXPECT_EQ(value_of(page_of(metrics), requests("kept", "ok")), "1");
}

TEST(Metrics, TheRootIndexHasANameThatNobodyElseHas) {
  Metrics metrics({.workers = 1});
  const auto root = metrics.function("", {});
  metrics.worker(0).count(root.get(), {});
  EXPECT_EQ(value_of(page_of(metrics), requests("/", "ok")), "1");
}

TEST(Metrics, RunningAndQueuedAreAskedFor) {
  Metrics metrics({.workers = 1});
  const auto a = metrics.function("a", [] { return FunctionLoad{.running = 3, .waiting = 1}; });
  const auto b = metrics.function("b", [] { return FunctionLoad{.running = 4, .waiting = 5}; });
  const auto silent = metrics.function("silent", {});
  EXPECT_EQ(value_of(page_of(metrics), "godwit_instances_running"), "7");
  EXPECT_EQ(value_of(page_of(metrics), "godwit_queue_length"), "6");
  metrics.function("b", [] { return FunctionLoad{.running = 1, .waiting = 0}; });
  EXPECT_EQ(value_of(page_of(metrics), "godwit_instances_running"), "4");
  metrics.function("b", {});
  EXPECT_EQ(value_of(page_of(metrics), "godwit_instances_running"), "4") << "it had lost its load";
}

TEST(Metrics, Sources) {
  Metrics metrics({.workers = 1});
  EXPECT_THAT(page_of(metrics), Not(HasSubstr("godwit_guest_memory_bytes"))) << "nobody knows";
  metrics.set_source(MetricId::kGuestMemory, [](auto& samples) { samples.push_back({"", 65536}); });
  metrics.set_source(MetricId::kConnectionsRefused, [](auto& samples) {
    samples.push_back({"total", 2});
    samples.push_back({"per \"client\"", 1});
  });
  const std::string page = page_of(metrics);
  EXPECT_EQ(value_of(page, "godwit_guest_memory_bytes"), "65536");
  EXPECT_EQ(value_of(page, "godwit_connections_refused_total{reason=\"total\"}"), "2");
  EXPECT_EQ(value_of(page, "godwit_connections_refused_total{reason=\"per \\\"client\\\"\"}"), "1");
  metrics.clear_sources();
  EXPECT_THAT(page_of(metrics), Not(HasSubstr("godwit_guest_memory_bytes")));
}

TEST(Metrics, Connections) {
  Metrics metrics({.workers = 2});
  for (int i = 0; i < 3; ++i) metrics.worker(0).connection_opened();
  metrics.worker(1).connection_opened();
  metrics.worker(0).connection_closed();
  EXPECT_EQ(value_of(page_of(metrics), "godwit_connections"), "3");
  EXPECT_EQ(value_of(page_of(metrics), "godwit_connections_accepted_total"), "4");
  metrics.worker(1).connection_refused(ConnectionRefusal::kClient);
  EXPECT_EQ(value_of(page_of(metrics),
                     "godwit_connections_refused_total{reason=\"max_connections_per_client\"}"),
            "1");
  metrics.set_source(MetricId::kConnections, [](auto& samples) { samples.push_back({"", 9}); });
  EXPECT_EQ(value_of(page_of(metrics), "godwit_connections"), "9") << "a source knows better";
}

TEST(Metrics, Compilations) {
  Metrics metrics({.workers = 1});
  metrics.compiled(milliseconds(7), std::nullopt);
  metrics.compiled(seconds(31), ErrorCode::kCompileLimit);
  const std::string page = page_of(metrics);
  EXPECT_EQ(value_of(page, "godwit_compile_seconds_bucket{le=\"0.01\"}"), "1");
  EXPECT_EQ(value_of(page, "godwit_compile_seconds_count"), "2");
  EXPECT_EQ(value_of(page, "godwit_compile_failures_total{reason=\"compile_limit\"}"), "1");
}

TEST(Metrics, TheBuildAndTheProcess) {
  const Metrics metrics({.workers = 3, .version = "1.2.3", .engine = "wasmtime 48"});
  const std::string page = page_of(metrics);
  EXPECT_EQ(value_of(page, "godwit_build_info{version=\"1.2.3\",engine=\"wasmtime 48\"}"), "1");
  EXPECT_EQ(value_of(page, "godwit_workers"), "3");
  EXPECT_NE(value_of(page, "process_resident_memory_bytes"), "0");
}

// Every metric that is in the table has its HELP and TYPE once, unless nobody knows it.
TEST(Metrics, ThePageHasTheTable) {
  Metrics metrics({.workers = 1});
  for (const MetricId id : {MetricId::kGuestMemory, MetricId::kGuestMemoryLimit,
                            MetricId::kConnectionsRefused, MetricId::kDraining}) {
    metrics.set_source(id, [](auto& samples) { samples.push_back({"x", 1}); });
  }
  const std::string page = "\n" + page_of(metrics);
  for (const MetricInfo& info : all_metrics()) {
    const std::string type =
        "\n# TYPE " + std::string(info.name) + " " + std::string(type_text(info.type)) + "\n";
    const std::size_t at = page.find(type);
    ASSERT_NE(at, std::string::npos) << info.name;
    EXPECT_EQ(page.find(type, at + 1), std::string::npos) << info.name;
    EXPECT_EQ(info.name.ends_with("_total"), info.type == MetricType::kCounter) << info.name;
    EXPECT_THAT(metrics_reference_markdown(), HasSubstr("| `" + std::string(info.name) + "` |"));
  }
}

// Counting, scraping and functions that come and go, all at once; nothing is lost.
TEST(Metrics, WorkersCountWhileSomebodyScrapes) {
  constexpr unsigned kWorkers = 3;
  constexpr int kRounds = 100'000;
  Metrics metrics({.workers = kWorkers});
  const auto shared = metrics.function("shared", {});
  std::atomic<bool> done{false};
  std::thread scraper([&] {
    std::uint64_t last = 0;
    while (!done) {
      const std::uint64_t now = std::stoull(value_of(page_of(metrics), requests("shared", "ok")));
      EXPECT_GE(now, last);
      last = now;
    }
  });
  std::thread control([&] {
    for (int i = 0; !done; ++i) {
      const auto other = metrics.function("other" + std::to_string(i % 7), {});
      metrics.compiled(milliseconds(1), std::nullopt);
    }
  });
  std::vector<std::thread> workers;
  for (unsigned index = 0; index < kWorkers; ++index) {
    workers.emplace_back([&, index] {
      for (int i = 0; i < kRounds; ++i) {
        metrics.worker(index).count(shared.get(), {.duration = microseconds(i), .cpu = seconds(1)});
        metrics.worker(index).connection_opened();
        metrics.worker(index).connection_closed();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  done = true;
  scraper.join();
  control.join();
  const std::string page = page_of(metrics);
  EXPECT_EQ(value_of(page, requests("shared", "ok")), std::to_string(kWorkers * kRounds));
  EXPECT_EQ(value_of(page, "godwit_request_duration_seconds_count"),
            std::to_string(kWorkers * kRounds));
  EXPECT_EQ(value_of(page, "godwit_cpu_seconds_total{function=\"shared\"}"),
            std::to_string(kWorkers * kRounds));
  EXPECT_EQ(value_of(page, "godwit_connections"), "0");
}

}  // namespace
}  // namespace godwit::observe
