#include "manifest/connection_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/units.h"

namespace godwit::manifest {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kMaxCount = 1'000'000;

enum class Kind : std::uint8_t { kCount, kSize, kTime };

// Amounts are pieces, bytes or nanoseconds.
struct ConnectionRow {
  std::string_view key;
  Kind kind;
  std::optional<std::uint64_t> ConnectionSettings::* member;
  std::uint64_t minimum;
  std::uint64_t maximum;
  std::string_view default_text;
  std::string_view documentation;
  std::string_view help;  // the same in a few words
};

using Settings = ConnectionSettings;

constexpr std::array kRows = {
    ConnectionRow{"max-connections", Kind::kCount, &Settings::max_connections, 1, kMaxCount,
                  "10000, or half of the descriptor limit when that is less",
                  "Connections of the whole server. For one more an idle connection is closed; "
                  "when none is idle it gets 503.",
                  "of the whole server; default 10000, or half of the\ndescriptor limit"},
    ConnectionRow{"max-connections-per-client", Kind::kCount, &Settings::max_connections_per_client,
                  0, kMaxCount, "0",
                  "Connections of one client's address (of IPv6 the first 64 bits); one more gets "
                  "429. 0: not limited, as behind a proxy all clients have one address.",
                  "of one address; default 0: not limited"},
    ConnectionRow{"max-requests-per-connection", Kind::kCount,
                  &Settings::max_requests_per_connection, 0, 1000 * kMaxCount, "0",
                  "After so many requests a connection is closed. 0: not limited.",
                  "default 0: not limited"},
    ConnectionRow{"connection-memory", Kind::kSize, &Settings::memory_bytes, 4 * kMiB, 1024 * kGiB,
                  "256MiB",
                  "What all connections may hold together: heads, buffers, bodies on their way. "
                  "Beyond it new connections and requests get 503.",
                  "held by all connections; default 256MiB"},
    ConnectionRow{"header-timeout", Kind::kTime, &Settings::header_timeout_ns, kMillisecond, kHour,
                  "10s", "For a request's head, from its first byte; then 408.",
                  "for a request's head; default 10s"},
    ConnectionRow{"idle-timeout", Kind::kTime, &Settings::idle_timeout_ns, kMillisecond, 24 * kHour,
                  "1m", "How long a connection may wait for its next request.",
                  "between requests; default 1m"},
    ConnectionRow{"stall-timeout", Kind::kTime, &Settings::stall_timeout_ns, kMillisecond, kHour,
                  "30s",
                  "How long a client may neither send of a body that is waited for nor take of its "
                  "response, and how far it may fall behind `min-rate`.",
                  "without progress, or behind --min-rate; default 30s"},
    ConnectionRow{"min-rate", Kind::kSize, &Settings::min_rate_bytes, 0, kGiB, "240B",
                  "Bytes a second that a client must send of a body, and take of a response, on "
                  "average. 0B: any byte will do.",
                  "a second, of bodies and responses; default 240B"},
};

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::kCount: return "count";
    case Kind::kSize: return "size";
    case Kind::kTime: return "time";
  }
  return {};
}

std::string_view value_name(Kind kind) {
  switch (kind) {
    case Kind::kCount: return "N";
    case Kind::kSize: return "SIZE";
    case Kind::kTime: return "TIME";
  }
  return {};
}

std::string amount_text(Kind kind, std::uint64_t amount) {
  switch (kind) {
    case Kind::kCount: return std::to_string(amount);
    case Kind::kSize: return format_size(amount);
    case Kind::kTime:
      return format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(amount)));
  }
  return {};
}

std::string range_text(const ConnectionRow& row) {
  return fmt::format("{} to {}", amount_text(row.kind, row.minimum),
                     amount_text(row.kind, row.maximum));
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return fail(ErrorCode::kConfigBadValue,
              fmt::format("\"{}\" is not a whole number", text.substr(0, 40)));
}

Result<std::uint64_t> parse_amount(Kind kind, std::string_view text) {
  if (kind == Kind::kCount) return parse_count(text);
  if (kind == Kind::kSize) return parse_size(text);
  auto time = parse_duration(text);
  if (!time) return fail(std::move(time.error()));
  return static_cast<std::uint64_t>(time->count());
}

}  // namespace

std::span<const SettingInfo> connection_settings() {
  static const std::vector<SettingInfo> settings = [] {
    std::vector<SettingInfo> rows;
    for (const ConnectionRow& row : kRows) {
      rows.push_back({row.key, type_name(row.kind), std::string(row.default_text), range_text(row),
                      row.documentation});
    }
    return rows;
  }();
  return settings;
}

std::span<const ConnectionFlag> connection_flags() {
  static const std::vector<ConnectionFlag> flags = [] {
    std::vector<ConnectionFlag> all;
    for (const ConnectionRow& row : kRows) all.push_back({row.key, value_name(row.kind), row.help});
    return all;
  }();
  return flags;
}

Result<void> set_connection_setting(ConnectionSettings& settings, std::string_view key,
                                    std::string_view text) {
  const auto* const row =
      std::find_if(kRows.begin(), kRows.end(), [&](const auto& each) { return each.key == key; });
  CHECK(row != kRows.end(), key);
  const auto amount = parse_amount(row->kind, text);
  if (!amount) {
    Error error = amount.error();
    error.detail = fmt::format("{}: {}", key, error.detail);
    return fail(std::move(error));
  }
  if (*amount < row->minimum || *amount > row->maximum) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("{}: {} is outside of {}", key, text.substr(0, 40), range_text(*row)));
  }
  settings.*(row->member) = *amount;
  return {};
}

std::vector<std::string_view> changed_connection_settings(const ConnectionSettings& before,
                                                          const ConnectionSettings& now) {
  std::vector<std::string_view> keys;
  for (const ConnectionRow& row : kRows) {
    if (before.*(row.member) != now.*(row.member)) keys.push_back(row.key);
  }
  return keys;
}

}  // namespace godwit::manifest
