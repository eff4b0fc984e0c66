// Sizes and times as people write them: "64MiB", "200ms". A bare number is an error that says
// which unit to add (contract: limits). Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace godwit {

// "512B", "64KiB", "10MiB", "2GiB", and decimal "1KB", "1MB", "1GB" → bytes.
// Errors: kUnitMissing for a bare number, kConfigBadValue for anything else (also for what does
// not fit 63 bits). "0B" is a size.
Result<std::uint64_t> parse_size(std::string_view text);

// "250us", "50ms", "1.5s", "2m", "1h" → nanoseconds. Errors as parse_size.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// 67108864 → "64MiB"; exact where a binary unit divides, one decimal otherwise.
std::string format_size(std::uint64_t bytes);
// 200'000'000 ns → "200ms"; the largest unit that divides, else milliseconds with decimals.
std::string format_duration(std::chrono::nanoseconds time);

}  // namespace godwit
