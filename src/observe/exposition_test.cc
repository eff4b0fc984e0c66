#include "observe/exposition.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr MetricInfo kCounter{MetricId::kRequests, "a_total", MetricType::kCounter, "x", "Of a."};
constexpr MetricInfo kGauge{MetricId::kWorkers, "b", MetricType::kGauge, "", "A \"b\"\\\nnow."};
constexpr MetricInfo kHistogram{MetricId::kCompile, "c_seconds", MetricType::kHistogram, "", "C."};

constexpr auto kPrometheus = ExpositionFormat::kPrometheus;
constexpr auto kOpenMetrics = ExpositionFormat::kOpenMetrics;

TEST(Exposition, APage) {
  Exposition page(kPrometheus);
  page.begin(kCounter);
  page.sample({{"x", "1"}, {"y", "2"}}, std::uint64_t{7});
  page.sample({{"x", ""}}, std::numeric_limits<std::uint64_t>::max());
  page.begin(kGauge);
  page.sample({}, 1.5);
  EXPECT_EQ(std::move(page).finish(),
            "# HELP a_total Of a.\n# TYPE a_total counter\n"
            "a_total{x=\"1\",y=\"2\"} 7\n"
            "a_total{x=\"\"} 18446744073709551615\n"
            "# HELP b A \\\"b\\\"\\\\\\nnow.\n# TYPE b gauge\n"
            "b 1.5\n");
}

// In OpenMetrics the family of a counter has no "_total", and a page has an end.
TEST(Exposition, TheSameAsOpenMetrics) {
  Exposition page(kOpenMetrics);
  page.begin(kCounter);
  page.sample({{"x", "1"}}, std::uint64_t{7});
  EXPECT_EQ(std::move(page).finish(),
            "# HELP a Of a.\n# TYPE a counter\na_total{x=\"1\"} 7\n# EOF\n");
}

TEST(Exposition, AHostileLabelStaysInItsQuotes) {
  Exposition page(kPrometheus);
  page.begin(kCounter);
  page.sample({{"x", "a\"} 1\nb{c=\"\\"}}, std::uint64_t{0});
  EXPECT_THAT(std::move(page).finish(), HasSubstr("\na_total{x=\"a\\\"} 1\\nb{c=\\\"\\\\\"} 0\n"));
}

TEST(Exposition, NumbersAtTheirEnds) {
  Exposition page(kPrometheus);
  page.begin(kGauge);
  page.sample({}, 0.1);
  page.sample({}, 1e300);
  page.sample({}, std::numeric_limits<double>::infinity());
  page.sample({}, -std::numeric_limits<double>::infinity());
  page.sample({}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(std::move(page).finish(), HasSubstr("\nb 0.1\nb 1e+300\nb +Inf\nb -Inf\nb NaN\n"));
}

TEST(Exposition, AHistogramIsCumulative) {
  static constexpr BucketBounds<2> kBounds = {microseconds(50), milliseconds(1'000)};
  HistogramTotals totals = totals_of(kBounds);
  totals.counts = {3, 2, 1};
  totals.sum_ns = 2'500'000'000;
  Exposition page(kPrometheus);
  page.begin(kHistogram);
  page.histogram(totals);
  EXPECT_EQ(std::move(page).finish(),
            "# HELP c_seconds C.\n# TYPE c_seconds histogram\n"
            "c_seconds_bucket{le=\"0.00005\"} 3\n"
            "c_seconds_bucket{le=\"1.0\"} 5\n"
            "c_seconds_bucket{le=\"+Inf\"} 6\n"
            "c_seconds_sum 2.5\n"
            "c_seconds_count 6\n");
}

TEST(Exposition, SecondsAreExact) {
  EXPECT_EQ(seconds_text(microseconds(1)), "0.000001");
  EXPECT_EQ(seconds_text(microseconds(2'500)), "0.0025");
  EXPECT_EQ(seconds_text(milliseconds(2'500)), "2.5");
  EXPECT_EQ(seconds_text(milliseconds(60'000)), "60.0");
  EXPECT_EQ(seconds_text(milliseconds(100'000)), "100.0");
  EXPECT_EQ(seconds_text(Nanoseconds(0)), "0.0");
}

TEST(Exposition, WhatAScraperAccepts) {
  const struct {
    const char* accept;
    ExpositionFormat format;
  } rows[] = {
      {"", kPrometheus},
      {"*/*", kPrometheus},
      {"text/plain", kPrometheus},
      {"application/openmetrics-text", kOpenMetrics},
      {"application/openmetrics-text; version=1.0.0, text/plain;version=0.0.4;q=0.5", kOpenMetrics},
      {"text/plain;q=0.5 , application/openmetrics-text;version=0.0.1;q=0.75", kOpenMetrics},
      {"application/openmetrics-text;q=0", kPrometheus},
      {"application/openmetrics-text;q=0.000,*/*", kPrometheus},
      {"application/openmetrics-text;q=0.001", kOpenMetrics},
      {"application/openmetrics-textual", kPrometheus},
      {"text/plain;x=application/openmetrics-text", kPrometheus},
      {",,;;,", kPrometheus},
      {";q=0,application/openmetrics-text;", kOpenMetrics},
  };
  for (const auto& row : rows) EXPECT_EQ(format_for(row.accept), row.format) << row.accept;
}

}  // namespace
}  // namespace godwit::observe
