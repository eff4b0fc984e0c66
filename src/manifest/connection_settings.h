// ConnectionSettings: what clients' connections may take: keys of [server], and flags of `godwit
// serve` under the same names. One table checks both and documents them.
//
//   ConnectionSettings flags;
//   set_connection_setting(flags, "header-timeout", "5s");   // kUnitMissing, kConfigBadValue, …
//   flags.header_timeout_ns;                                 // 5'000'000'000
//
// A plain value and pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "manifest/settings.h"

namespace godwit::manifest {

// What is not set is left to the defaults (server::ConnectionLimits).
struct ConnectionSettings {
  std::optional<std::uint64_t> max_connections;
  std::optional<std::uint64_t> max_connections_per_client;   // 0: not limited
  std::optional<std::uint64_t> max_requests_per_connection;  // 0: not limited
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> header_timeout_ns;
  std::optional<std::uint64_t> idle_timeout_ns;
  std::optional<std::uint64_t> stall_timeout_ns;
  std::optional<std::uint64_t> min_rate_bytes;  // a second; 0: none

  bool operator==(const ConnectionSettings&) const = default;
};

// The rows; type is "count", "size" or "time".
std::span<const SettingInfo> connection_settings();

// The same as flags of the command line, for --help.
struct ConnectionFlag {
  std::string_view key;    // without the two hyphens
  std::string_view value;  // "N", "SIZE", "TIME"
  std::string_view help;
};
std::span<const ConnectionFlag> connection_flags();

// Errors, which name the key: kConfigBadValue, kUnitMissing. REQUIRES: a key of the table.
Result<void> set_connection_setting(ConnectionSettings& settings, std::string_view key,
                                    std::string_view text);

// The keys whose values differ.
std::vector<std::string_view> changed_connection_settings(const ConnectionSettings& before,
                                                          const ConnectionSettings& now);

}  // namespace godwit::manifest
