#include "cli/serve_config.h"

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

#include "cli/machine.h"

namespace godwit::cli {
namespace {

using Addresses = std::vector<server::ListenAddress>;

Result<Addresses> addresses_of(const std::vector<manifest::PlacedText>& texts) {
  Addresses addresses;
  for (const manifest::PlacedText& text : texts) {
    auto address = server::parse_listen_address(text.text);
    if (!address) {
      if (text.place.empty()) return fail(std::move(address.error()));
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("{}: {}", text.place, address.error().detail));
    }
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

// As listen_addresses(): the flag wins, and what it replaces is read all the same.
Result<std::optional<server::ListenAddress>> metrics_address(
    const ServeOptions& options, const manifest::ServerSettings& server) {
  std::optional<server::ListenAddress> chosen;
  if (server.metrics) {
    auto written = server::parse_listen_address(server.metrics->text, "metrics");
    if (!written) {
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("{}: {}", server.metrics->place, written.error().detail));
    }
    chosen = std::move(*written);
  }
  if (!options.metrics.empty()) {
    auto typed = server::parse_listen_address(options.metrics, "--metrics");
    if (!typed) return fail(std::move(typed.error()));
    chosen = std::move(*typed);
  }
  return chosen;
}

Result<Addresses> listen_addresses(const ServeOptions& options,
                                   const manifest::ServerSettings& server) {
  std::vector<manifest::PlacedText> typed;
  for (const std::string& text : options.listen) typed.push_back({text, ""});
  auto flags = addresses_of(typed);
  if (!flags) return flags;
  // What a flag replaces is wrong all the same.
  auto written = addresses_of(server.listen.value_or(std::vector<manifest::PlacedText>()));
  if (!written || flags->empty()) flags = std::move(written);
  if (flags && flags->empty()) flags->push_back({.host = "127.0.0.1", .port = 8080});
  return flags;
}

// A flag, else the file's key, else what `target` is already.
template <class Target>
void choose(const std::optional<std::uint64_t>& flag, const std::optional<std::uint64_t>& written,
            Target& target) {
  const std::optional<std::uint64_t>& chosen = flag ? flag : written;
  if (!chosen) return;
  if constexpr (std::is_integral_v<Target>) {
    target = static_cast<Target>(*chosen);
  } else {
    const std::chrono::nanoseconds time(static_cast<std::int64_t>(*chosen));
    target = std::chrono::duration_cast<Target>(time);
  }
}

server::ConnectionLimits connection_limits(const manifest::ConnectionSettings& flags,
                                           const manifest::ConnectionSettings& written) {
  server::ConnectionLimits limits;
  // Besides connections there are listeners, files of guests, children.
  limits.connections = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(usable_descriptors() / 2, 1, std::uint64_t{limits.connections}));
  choose(flags.max_connections, written.max_connections, limits.connections);
  choose(flags.max_connections_per_client, written.max_connections_per_client,
         limits.connections_per_client);
  choose(flags.max_requests_per_connection, written.max_requests_per_connection,
         limits.requests_per_connection);
  choose(flags.memory_bytes, written.memory_bytes, limits.memory_bytes);
  choose(flags.header_timeout_ns, written.header_timeout_ns, limits.head);
  choose(flags.idle_timeout_ns, written.idle_timeout_ns, limits.idle);
  choose(flags.stall_timeout_ns, written.stall_timeout_ns, limits.stall);
  choose(flags.min_rate_bytes, written.min_rate_bytes, limits.min_rate_bytes);
  return limits;
}

}  // namespace

Result<ServeConfig> serve_config(const ServeOptions& options, const manifest::Manifest* manifest,
                                 const OperatorFile& file) {
  const manifest::ServerSettings server =
      manifest == nullptr ? manifest::ServerSettings() : manifest->server;
  ServeConfig config;
  auto listen = listen_addresses(options, server);
  if (!listen) return fail(std::move(listen.error()));
  config.listen = std::move(*listen);
  auto metrics = metrics_address(options, server);
  if (!metrics) return fail(std::move(metrics.error()));
  config.metrics = std::move(*metrics);
  config.state_dir = options.state_dir;
  if (config.state_dir.empty() && server.state_dir) {
    config.state_dir = file.resolve(*server.state_dir);
  }
  config.memory_bytes = options.memory_bytes.value_or(server.memory_bytes.value_or(0));
  config.threads = options.threads != 0 ? options.threads : server.threads.value_or(0);
  for (const std::string& assignment : options.limits) {
    auto set = manifest::set_limit_assignment(config.limits, assignment);
    if (!set) return fail(std::move(set.error()));
  }
  const std::string format =
      options.log_format.empty() ? server.log_format.value_or("text") : options.log_format;
  config.log_format = format == "json" ? LogFormat::kJson : LogFormat::kText;
  const std::string level =
      options.log_level.empty() ? server.log_level.value_or("info") : options.log_level;
  config.log_level = parse_log_level(level).value_or(LogLevel::kInfo);
  config.dev = options.dev || server.dev.value_or(false);
  config.watch = config.dev || options.watch || server.watch.value_or(false);
  if (options.allow_unsafe_files || server.allow_unsafe_files.value_or(false)) {
    config.unsafe_files = registry::UnsafeFiles::kAllow;
  }
  config.confinement = confinement_mode(
      options.confinement.empty() ? server.confinement.value_or("") : options.confinement);
  const auto default_drain = config.drain_timeout;
  config.drain_timeout =
      options.drain_timeout.value_or(server.drain_timeout.value_or(default_drain));
  config.connections = connection_limits(options.connections, server.connections);
  return config;
}

}  // namespace godwit::cli
