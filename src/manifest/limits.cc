// The table of limits: what may be set, in which unit, within which bounds.
#include <algorithm>
#include <array>
#include <charconv>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/units.h"
#include "manifest/nearest_key.h"
#include "manifest/settings.h"

namespace godwit::manifest {
namespace {

using Nanoseconds = std::chrono::nanoseconds;
using SizeMember = std::uint64_t Limits::*;
using TimeMember = Nanoseconds Limits::*;
using CountMember = std::uint32_t Limits::*;

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kHour = 3'600'000 * kMillisecond;

// `minimum` and `maximum` in bytes, nanoseconds or pieces.
struct LimitRow {
  std::string_view key;
  std::variant<SizeMember, TimeMember, CountMember> member;
  std::uint64_t minimum;
  std::uint64_t maximum;
  std::string_view documentation;
};

constexpr std::array kRows = {
    LimitRow{"memory", &Limits::memory_bytes, 64 * kKiB, 4 * kGiB,
             "All linear memories and tables of one invocation together. A growth beyond it is "
             "refused: the guest sees −1."},
    LimitRow{"cpu", &Limits::cpu, kMillisecond, 24 * kHour, "CPU time of one invocation."},
    LimitRow{"timeout", &Limits::timeout, kMillisecond, 24 * kHour,
             "Wall clock, from admission to the last byte of the response."},
    LimitRow{"request-body", &Limits::request_body_bytes, 0, 64 * kGiB,
             "The request's body; a larger one gets 413."},
    LimitRow{"response-body", &Limits::response_body_bytes, 0, 64 * kGiB, "The response's body."},
    LimitRow{"concurrency", &Limits::concurrency, 1, 1'000'000,
             "Invocations of this function that run at once."},
    LimitRow{"queue", &Limits::queue, 0, 1'000'000,
             "Requests that wait for their turn; further ones get 429."},
    LimitRow{"queue-timeout", &Limits::queue_timeout, 0, kHour,
             "How long a request waits at most."},
    LimitRow{
        "log", &Limits::log_bytes, 0, 64 * kMiB,
        "What one invocation may write to its log (stderr); the rest is dropped, and said so."},
};

enum class Kind : std::uint8_t { kSize, kTime, kCount };

Kind kind_of(const LimitRow& row) { return static_cast<Kind>(row.member.index()); }

std::string value_text(Kind kind, std::uint64_t value) {
  switch (kind) {
    case Kind::kSize: return format_size(value);
    case Kind::kTime: return format_duration(Nanoseconds(static_cast<std::int64_t>(value)));
    case Kind::kCount: return std::to_string(value);
  }
  return {};
}

std::string range_text(const LimitRow& row) {
  return fmt::format("{} to {}", value_text(kind_of(row), row.minimum),
                     value_text(kind_of(row), row.maximum));
}

std::uint64_t get(const Limits& limits, const LimitRow& row) {
  switch (kind_of(row)) {
    case Kind::kSize: return limits.*std::get<SizeMember>(row.member);
    case Kind::kTime:
      return static_cast<std::uint64_t>((limits.*std::get<TimeMember>(row.member)).count());
    case Kind::kCount: return limits.*std::get<CountMember>(row.member);
  }
  return 0;
}

void set(Limits& limits, const LimitRow& row, std::uint64_t value) {
  switch (kind_of(row)) {
    case Kind::kSize: limits.*std::get<SizeMember>(row.member) = value; return;
    case Kind::kTime:
      limits.*std::get<TimeMember>(row.member) = Nanoseconds(static_cast<std::int64_t>(value));
      return;
    case Kind::kCount:
      limits.*std::get<CountMember>(row.member) = static_cast<std::uint32_t>(value);
      return;
  }
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("\"{}\" is not a whole number", text.substr(0, 40)));
  }
  return value;
}

Result<std::uint64_t> parse_value(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::kSize: return parse_size(text);
    case Kind::kTime: {
      auto time = parse_duration(text);
      if (!time) return fail(std::move(time.error()));
      return static_cast<std::uint64_t>(time->count());
    }
    case Kind::kCount: return parse_count(text);
  }
  return std::uint64_t{0};
}

const LimitRow* find_row(std::string_view key) {
  const auto* row =
      std::find_if(kRows.begin(), kRows.end(), [&](const auto& r) { return r.key == key; });
  return row == kRows.end() ? nullptr : row;
}

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::kSize: return "size";
    case Kind::kTime: return "time";
    case Kind::kCount: return "count";
  }
  return {};
}

}  // namespace

std::span<const SettingInfo> limit_settings() {
  static const std::vector<SettingInfo> settings = [] {
    std::vector<SettingInfo> rows;
    for (const LimitRow& row : kRows) {
      rows.push_back({row.key, type_name(kind_of(row)), value_text(kind_of(row), get({}, row)),
                      range_text(row), row.documentation});
    }
    return rows;
  }();
  return settings;
}

Result<void> set_limit(Limits& limits, std::string_view key, std::string_view value) {
  const LimitRow* const row = find_row(key);
  if (row == nullptr) {
    std::vector<std::string_view> known;
    for (const LimitRow& each : kRows) known.push_back(each.key);
    const std::string_view nearest = nearest_key(key, known);
    const std::string shown(key.substr(0, 40));
    if (nearest.empty()) {
      return fail(
          ErrorCode::kConfigUnknownKey,
          fmt::format("there is no limit \"{}\"; known are {}", shown, fmt::join(known, ", ")));
    }
    return fail(ErrorCode::kConfigUnknownKey,
                fmt::format("there is no limit \"{}\"; did you mean \"{}\"?", shown, nearest));
  }
  const auto parsed = parse_value(kind_of(*row), value);
  if (!parsed) {
    Error error = parsed.error();
    error.detail = fmt::format("{}: {}", key, error.detail);
    return fail(std::move(error));
  }
  if (*parsed < row->minimum || *parsed > row->maximum) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("{}: {} is outside of {}", key, value, range_text(*row)));
  }
  set(limits, *row, *parsed);
  return {};
}

Result<void> set_limit_assignment(Limits& limits, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return fail(ErrorCode::kUsage, fmt::format("\"{}\" is not KEY=VALUE; write for instance "
                                               "--limit memory=64MiB",
                                               assignment.substr(0, 40)));
  }
  return set_limit(limits, assignment.substr(0, equals), assignment.substr(equals + 1));
}

std::string limit_text(const Limits& limits, std::string_view key) {
  const LimitRow* const row = find_row(key);
  return row == nullptr ? std::string() : value_text(kind_of(*row), get(limits, *row));
}

std::uint64_t limit_amount(const Limits& limits, std::string_view key) {
  const LimitRow* const row = find_row(key);
  CHECK(row != nullptr, key);
  return get(limits, *row);
}

void lower_limit(Limits& limits, std::string_view key, const Limits& bound) {
  const LimitRow* const row = find_row(key);
  CHECK(row != nullptr, key);
  set(limits, *row, std::min(get(limits, *row), get(bound, *row)));
}

}  // namespace godwit::manifest
