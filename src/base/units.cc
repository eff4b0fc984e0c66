#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace godwit {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kSizeUnits = {
    Unit{"B", 1},
    Unit{"KiB", 1ULL << 10},
    Unit{"MiB", 1ULL << 20},
    Unit{"GiB", 1ULL << 30},
    Unit{"TiB", 1ULL << 40},
    Unit{"KB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
};
constexpr std::array kTimeUnits = {
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};

struct Wanted {
  std::string_view what;     // "size"
  std::string_view example;  // "64MiB"
  std::string_view list;     // "B, KiB, …"
};

Result<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                      const Wanted& wanted) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0 || std::signbit(number)) {
    return fail(ErrorCode::kConfigBadValue, fmt::format("\"{}\" is not a {}; write it like \"{}\"",
                                                        text, wanted.what, wanted.example));
  }
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty()) {
    return fail(ErrorCode::kUnitMissing,
                fmt::format("\"{}\" has no unit; add one of {}, for instance \"{}\"", text,
                            wanted.list, wanted.example));
  }
  for (const Unit& known : units) {
    if (unit != known.name) continue;
    const double value = number * static_cast<double>(known.factor);
    if (value > 9.2e18) {
      return fail(ErrorCode::kConfigBadValue, fmt::format("\"{}\" is too large", text));
    }
    return static_cast<std::uint64_t>(std::llround(value));
  }
  return fail(
      ErrorCode::kConfigBadValue,
      fmt::format("\"{}\" has the unknown unit \"{}\"; known are {}", text, unit, wanted.list));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizeUnits, {"size", "64MiB", "B, KiB, MiB, GiB, KB, MB, GB"});
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  auto value = parse_with_unit(text, kTimeUnits, {"time", "200ms", "ns, us, ms, s, m, h"});
  if (!value) return fail(std::move(value.error()));
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*value));
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array kBinary = {Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30},
                                  Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}};
  for (const Unit& unit : kBinary) {
    if (bytes < unit.factor) continue;
    if (bytes % unit.factor == 0) return fmt::format("{}{}", bytes / unit.factor, unit.name);
    return fmt::format("{:.1f}{}", static_cast<double>(bytes) / static_cast<double>(unit.factor),
                       unit.name);
  }
  return fmt::format("{}B", bytes);
}

std::string format_duration(std::chrono::nanoseconds time) {
  const auto count = static_cast<std::uint64_t>(time.count());
  if (count == 0) return "0s";
  for (auto unit = kTimeUnits.rbegin(); unit != kTimeUnits.rend(); ++unit) {
    if (count % unit->factor == 0) return fmt::format("{}{}", count / unit->factor, unit->name);
  }
  return fmt::format("{}ns", count);
}

}  // namespace godwit
