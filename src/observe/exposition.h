// Exposition: writes metrics as text: the Prometheus format (version 0.0.4) or OpenMetrics 1.0.0.
//
//   Exposition page(ExpositionFormat::kPrometheus);
//   page.begin(metric_info(MetricId::kRequests));          // HELP and TYPE
//   page.sample({{"function", "greet"}, {"outcome", "ok"}}, std::uint64_t{7});
//   std::string text = std::move(page).finish();
//
// Names come from our own table; the values of labels are escaped, whoever chose them. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "observe/histogram.h"
#include "observe/metric_table.h"

namespace godwit::observe {

enum class ExpositionFormat : std::uint8_t { kPrometheus, kOpenMetrics };

// Of the Content-Type field.
std::string_view content_type_of(ExpositionFormat format);
// What a scraper with this Accept field gets (RFC 9110 section 12.5.1): OpenMetrics when it is
// named and not refused.
ExpositionFormat format_for(std::string_view accept);

// Exactly, with at least one decimal: 50 µs → "0.00005", 1 s → "1.0".
std::string seconds_text(Nanoseconds time);

struct Label {
  std::string_view name;
  std::string_view value;
};

class Exposition final {
 public:
  explicit Exposition(ExpositionFormat format) : format_(format) {}

  // The samples that follow belong to this metric.
  void begin(const MetricInfo& info);
  void sample(std::initializer_list<Label> labels, std::uint64_t value);
  void sample(std::initializer_list<Label> labels, double value);
  // The buckets, sum and count of a histogram without labels.
  void histogram(const HistogramTotals& totals);

  std::string finish() &&;

 private:
  void line(std::string_view suffix, std::initializer_list<Label> labels, std::string_view value);

  const ExpositionFormat format_;
  const MetricInfo* info_ = nullptr;
  std::string text_;
};

}  // namespace godwit::observe
