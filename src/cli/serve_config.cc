#include "cli/serve_config.h"

#include <fmt/format.h>

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

}  // namespace

Result<ServeConfig> serve_config(const ServeOptions& options, const manifest::Manifest* manifest,
                                 const OperatorFile& file) {
  const manifest::ServerSettings server =
      manifest == nullptr ? manifest::ServerSettings() : manifest->server;
  ServeConfig config;
  auto listen = listen_addresses(options, server);
  if (!listen) return fail(std::move(listen.error()));
  config.listen = std::move(*listen);
  config.state_dir = options.state_dir;
  if (config.state_dir.empty() && server.state_dir) {
    config.state_dir = file.resolve(*server.state_dir);
  }
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
  return config;
}

}  // namespace godwit::cli
