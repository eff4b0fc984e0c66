#include "observe/exposition.h"

#include <cmath>

#include <fmt/format.h>

namespace godwit::observe {
namespace {

constexpr std::string_view kOpenMetricsType = "application/openmetrics-text";

// A counter's family has no "_total" in OpenMetrics; its samples have.
constexpr std::string_view kTotal = "_total";

// HELP and the values of labels: a newline would end the line, a quote the value.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '"': out += "\\\""; break;
      default: out += c;
    }
  }
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The part of `text` up to `separator`; `text` is what comes after it.
std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = trim(text.substr(0, end));
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

// "q=0", "q=0.000": not wanted.
bool refuses(std::string_view parameter) {
  if (!parameter.starts_with("q=0") && !parameter.starts_with("Q=0")) return false;
  return parameter.substr(3).find_first_not_of(".0") == std::string_view::npos;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

std::string_view content_type_of(ExpositionFormat format) {
  return format == ExpositionFormat::kOpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

ExpositionFormat format_for(std::string_view accept) {
  while (!accept.empty()) {
    std::string_view range = next_part(accept, ',');
    if (next_part(range, ';') != kOpenMetricsType) continue;
    bool refused = false;
    while (!range.empty()) refused |= refuses(next_part(range, ';'));
    if (!refused) return ExpositionFormat::kOpenMetrics;
  }
  return ExpositionFormat::kPrometheus;
}

std::string seconds_text(Nanoseconds time) {
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  std::string text = fmt::format("{}.{:09}", time.count() / kPerSecond, time.count() % kPerSecond);
  while (text.ends_with('0') && !text.ends_with(".0")) text.pop_back();
  return text;
}

void Exposition::begin(const MetricInfo& info) {
  info_ = &info;
  std::string_view family = info.name;
  if (format_ == ExpositionFormat::kOpenMetrics && family.ends_with(kTotal)) {
    family.remove_suffix(kTotal.size());
  }
  fmt::format_to(std::back_inserter(text_), "# HELP {} ", family);
  append_escaped(text_, info.help);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", family, type_text(info.type));
}

void Exposition::line(std::string_view suffix, std::initializer_list<Label> labels,
                      std::string_view value) {
  text_ += info_->name;
  text_ += suffix;
  char before = '{';
  for (const Label& label : labels) {
    text_ += before;
    before = ',';
    text_ += label.name;
    text_ += "=\"";
    append_escaped(text_, label.value);
    text_ += '"';
  }
  if (labels.size() != 0) text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void Exposition::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  const fmt::format_int text(value);
  line({}, labels, {text.data(), text.size()});
}

void Exposition::sample(std::initializer_list<Label> labels, double value) {
  line({}, labels, number_text(value));
}

void Exposition::histogram(const HistogramTotals& totals) {
  // The count is the sum of the buckets as they were read, so that a page agrees with itself while
  // workers go on counting.
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < totals.counts.size(); ++i) {
    count += totals.counts[i];
    const bool last = i == totals.bounds.size();
    const std::string bound = last ? "+Inf" : seconds_text(totals.bounds[i]);
    line("_bucket", {{"le", bound}}, fmt::format_int(count).str());
  }
  line("_sum", {}, number_text(static_cast<double>(totals.sum_ns) / 1e9));
  line("_count", {}, fmt::format_int(count).str());
}

std::string Exposition::finish() && {
  if (format_ == ExpositionFormat::kOpenMetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace godwit::observe
