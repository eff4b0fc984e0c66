// Manifest: what the operator's file, godwit.toml, says: the server, its functions, and what may be
// granted to whom. Data only: nothing is opened here, paths are as they were written.
//
//   auto manifest = parse_manifest(text, {.filename = "godwit.toml", .limits = flags});
//   if (!manifest) log(manifest.error().text());    // "E6002: …: godwit.toml:7:1: \"fucntion\" …"
//   for (const FunctionSpec& spec : manifest->functions) …
//
// grant_rules.h says who gets what. Plain values and pure functions; safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "manifest/connection_settings.h"
#include "manifest/function_spec.h"
#include "manifest/settings.h"

namespace godwit::manifest {

// [server]: the flags of `godwit serve`, under the same names. What is not set is left to the
// flags and their defaults.
struct ServerSettings {
  std::optional<std::vector<PlacedText>> listen;  // HOST:PORT, not read yet
  std::optional<PlacedText> metrics;              // HOST:PORT, not read yet
  std::optional<std::string> state_dir;           // relative to the file's folder, as all paths
  std::optional<std::string> folder;              // of functions, served besides those of the file
  std::optional<std::uint32_t> threads;
  std::optional<std::uint64_t> memory_bytes;  // of all guests together
  std::optional<std::string> log_format;      // text, json
  std::optional<std::string> log_level;       // debug, info, warning, error
  std::optional<std::chrono::nanoseconds> drain_timeout;
  std::optional<bool> watch;
  std::optional<bool> dev;
  std::optional<bool> allow_unsafe_files;
  ConnectionSettings connections;
  std::optional<std::string> confinement;  // required, best-effort, off
  Limits limits;                           // of functions that set none, `limit` applied
  std::vector<PlacedText> changed_limits;  // the keys of `limit`

  bool operator==(const ServerSettings&) const = default;
};

// Patterns of functions (function_name.h). Nothing: the functions of the operator's file.
using Grantees = std::optional<std::vector<std::string>>;

// [volume.NAME]: a folder of the host.
struct VolumeSpec {
  std::string name;
  std::string path;
  bool may_read = true;
  bool may_write = false;
  Grantees functions;
  std::uint64_t max_size_bytes = std::uint64_t{1} << 30;  // quotas of what stands in it
  std::uint32_t max_files = 100'000;
  std::string place;
};

// [secret.NAME]: where its value comes from.
struct SecretFile {
  std::string path;
};
struct SecretVariable {
  std::string name;  // of our own environment
};
struct SecretSpec {
  std::string name;
  std::variant<SecretFile, SecretVariable> source;
  Grantees functions;
  std::string place;
};

// [bounds] "PATTERN" = { … }: how much functions may ask for that are not the operator's own.
struct Bounds {
  std::string pattern;
  Limits limits;                             // those of `set` count
  std::vector<PlacedText> set;               // keys of limits that are bounded, and where
  std::optional<std::uint64_t> tmpfs_bytes;  // all tmpfs of one function together
  std::string tmpfs_place;
  // Hosts that may be asked for. Not a limit but a grant: without it none may.
  std::optional<std::vector<OutboundHost>> outbound_hosts;
  std::string outbound_place;
};

struct Manifest {
  std::string filename;  // for messages
  ServerSettings server;
  std::vector<FunctionSpec> functions;  // in the order of the file; sources as written
  std::vector<VolumeSpec> volumes;
  std::vector<SecretSpec> secrets;
  std::vector<Bounds> bounds;
};

struct ManifestOptions {
  std::string_view filename;
  // KEY=VALUE of the command line: defaults that win over [server] limit.
  std::span<const std::string> limits;
};

inline constexpr std::size_t kMaxFunctions = 10'000;

// Errors, each with file:line:column: kConfigSyntax, kConfigUnknownKey (with the nearest known
// key), kConfigBadValue, kUnitMissing; and those of set_limit_assignment for `limits`.
Result<Manifest> parse_manifest(std::string_view text, const ManifestOptions& options);

const VolumeSpec* find_volume(const Manifest& manifest, std::string_view name);
const SecretSpec* find_secret(const Manifest& manifest, std::string_view name);

// "4GiB", of [server] memory and --memory. Errors: kUnitMissing, kConfigBadValue.
Result<std::uint64_t> parse_guest_memory(std::string_view text);

// The keys of [server] that differ and that a running server can't adopt: "listen", "threads", …
std::vector<std::string_view> keys_that_need_restart(const ServerSettings& before,
                                                     const ServerSettings& now);

// The tables, for docs.
std::span<const SettingInfo> server_settings();
std::span<const SettingInfo> volume_settings();
std::span<const SettingInfo> secret_settings();
std::span<const SettingInfo> bounds_settings();

}  // namespace godwit::manifest
