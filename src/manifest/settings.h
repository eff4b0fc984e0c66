// The settings of a function, as one table: key, type, bounds, default, docs. The same table
// checks NAME.toml, [function.NAME] and `--limit KEY=VALUE`, names the nearest known key, and
// prints the reference page, so that they can't disagree. (manifest.h has the other sections.)
//
//   FunctionSpec defaults{.name = "resize"};
//   set_limit_assignment(defaults.limits, "memory=64MiB");          // the command line
//   auto spec = parse_function_settings(text, "resize.toml", defaults);
//   if (!spec) log(spec.error().text());   // "E6002: …: resize.toml:3:1: \"repsonse\" is not …"
//
// Pure functions; safe from any thread. The TOML library stays inside .cc files (toml_reader.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "manifest/function_spec.h"

namespace godwit::manifest {

// One row of the table, for help texts and the reference page. All text is static but the default.
struct SettingInfo {
  std::string_view key;   // "memory"
  std::string_view type;  // "size", "time", "count", "text", "list of text", …
  std::string default_text;
  std::string range_text;  // "64KiB to 4GiB"; empty where there is none
  std::string_view documentation;
};

// The keys of [function.NAME] that a NAME.toml may hold, and those that it may not (`source`).
std::span<const SettingInfo> function_settings();
std::span<const SettingInfo> manifest_function_settings();
// The keys of one entry of `files`.
std::span<const SettingInfo> mount_settings();
// The keys of `limits`.
std::span<const SettingInfo> limit_settings();

// The longest settings file that is read.
inline constexpr std::size_t kMaxSettingsBytes = std::size_t{1} << 20;

// Reads a function's own settings over `defaults`. `filename` is for messages only. Errors, each
// with file:line:column: kConfigSyntax, kConfigUnknownKey (with the nearest known key, or that this
// version does not support the key yet), kConfigBadValue, kUnitMissing.
Result<FunctionSpec> parse_function_settings(std::string_view text, std::string_view filename,
                                             FunctionSpec defaults);

// Sets one limit from text ("memory", "64MiB"). Errors: kConfigUnknownKey, kConfigBadValue,
// kUnitMissing.
Result<void> set_limit(Limits& limits, std::string_view key, std::string_view value);
// "memory=64MiB", as `--limit` gets it. Errors: kUsage without '=', else as set_limit.
Result<void> set_limit_assignment(Limits& limits, std::string_view assignment);
// A limit as text with its unit: limit_text(limits, "memory") → "128MiB". Empty for unknown keys.
std::string limit_text(const Limits& limits, std::string_view key);
// A limit as a number of bytes, nanoseconds or pieces, for comparisons. REQUIRES: a known key.
std::uint64_t limit_amount(const Limits& limits, std::string_view key);
// Lowers one limit of `limits` to that of `bound`. REQUIRES: a known key.
void lower_limit(Limits& limits, std::string_view key, const Limits& bound);

// A header field value without control characters that looks like a media type: type/subtype and
// parameters (RFC 9110 section 8.3.1).
bool is_content_type(std::string_view text);

// docs/reference/settings.md.
std::string settings_reference_markdown();

}  // namespace godwit::manifest
