// [server]: the flags of `godwit serve`, under the same names.
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "manifest/manifest_sections.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxListeners = 100;
constexpr Range kThreads{.minimum = 1, .maximum = 1024};

Result<void> apply_listen(const Reader& reader, const toml::node& node, ServerSettings& server) {
  auto addresses =
      texts_of(reader, node,
               {.key = "listen", .example = "[\"127.0.0.1:8080\"]", .count_max = kMaxListeners});
  if (!addresses) return fail(std::move(addresses.error()));
  if (addresses->empty()) {
    return reader.bad_value(node.source(), "listen names at least one HOST:PORT");
  }
  server.listen = std::move(*addresses);
  return {};
}

Result<void> apply_state_dir(const Reader& reader, const toml::node& node, ServerSettings& server) {
  auto path = path_of(reader, "state-dir", node);
  if (!path) return fail(std::move(path.error()));
  server.state_dir = std::move(*path);
  return {};
}

Result<void> apply_folder(const Reader& reader, const toml::node& node, ServerSettings& server) {
  auto path = path_of(reader, "folder", node);
  if (!path) return fail(std::move(path.error()));
  server.folder = std::move(*path);
  return {};
}

Result<void> apply_metrics(const Reader& reader, const toml::node& node, ServerSettings& server) {
  auto address = text_of(reader, "metrics", node);
  if (!address) return fail(std::move(address.error()));
  server.metrics = PlacedText{std::move(*address), reader.place(node.source())};
  return {};
}

Result<void> apply_threads(const Reader& reader, const toml::node& node, ServerSettings& server) {
  const auto count = count_of(reader, "threads", node, kThreads);
  if (!count) return fail(count.error());
  server.threads = static_cast<std::uint32_t>(*count);
  return {};
}

Result<void> apply_memory(const Reader& reader, const toml::node& node, ServerSettings& server) {
  const auto text = unit_text_of(reader, "memory", node, "\"4GiB\"");
  if (!text) return fail(text.error());
  const auto bytes = parse_guest_memory(*text);
  if (!bytes) return reader.at(node.source(), bytes.error());
  server.memory_bytes = *bytes;
  return {};
}

Result<void> apply_log_format(const Reader& reader, const toml::node& node,
                              ServerSettings& server) {
  auto format = text_of(reader, "log-format", node);
  if (!format) return fail(std::move(format.error()));
  if (*format != "text" && *format != "json") {
    return reader.bad_value(node.source(), "log-format is \"text\" or \"json\"");
  }
  server.log_format = std::move(*format);
  return {};
}

Result<void> apply_log_level(const Reader& reader, const toml::node& node, ServerSettings& server) {
  auto level = text_of(reader, "log-level", node);
  if (!level) return fail(std::move(level.error()));
  if (!parse_log_level(*level)) {
    return reader.bad_value(node.source(),
                            "log-level is \"debug\", \"info\", \"warning\" or \"error\"");
  }
  server.log_level = std::move(*level);
  return {};
}

Result<void> apply_confinement(const Reader& reader, const toml::node& node,
                               ServerSettings& server) {
  auto mode = text_of(reader, "confinement", node);
  if (!mode) return fail(std::move(mode.error()));
  if (*mode != "required" && *mode != "best-effort" && *mode != "off") {
    return reader.bad_value(node.source(),
                            "confinement is \"required\", \"best-effort\" or \"off\"");
  }
  server.confinement = std::move(*mode);
  return {};
}

Result<void> apply_drain_timeout(const Reader& reader, const toml::node& node,
                                 ServerSettings& server) {
  const auto text = unit_text_of(reader, "drain-timeout", node, "\"10s\"");
  if (!text) return fail(text.error());
  const auto time = parse_duration(*text);
  if (!time) return reader.at(node.source(), time.error());
  server.drain_timeout = *time;
  return {};
}

// One function per flag: a row holds a plain pointer.
template <std::optional<bool> ServerSettings::* kMember>
Result<void> apply_flag(const Reader& reader, const toml::node& node, ServerSettings& server) {
  const auto flag = flag_of(reader, "the value", node);
  if (!flag) return fail(flag.error());
  server.*kMember = *flag;
  return {};
}

Result<void> apply_limit(const Reader& reader, const toml::node& node, ServerSettings& server) {
  return read_limits(reader, node, server.limits, server.changed_limits);
}

using ServerRow = Row<ServerSettings>;

constexpr std::array kRows = {
    ServerRow{"listen", "list of HOST:PORT", "[\"127.0.0.1:8080\"]", "", "Where to listen.",
              &apply_listen},
    ServerRow{"metrics", "HOST:PORT", "", "",
              "Where `/metrics`, `/healthz` and `/readyz` are served, to anybody who can connect: "
              "an address of the loopback, as a rule.",
              &apply_metrics},
    ServerRow{"folder", "path", "", "",
              "A folder of functions that is served besides those of this file. A godwit.toml that "
              "lies in the folder that `godwit serve` was given serves that folder.",
              &apply_folder},
    ServerRow{"limit", "table", "{}", "", "Limits of functions that set none.", &apply_limit},
    ServerRow{"threads", "count", "the cores that the cgroup allows", "1 to 1024", "Workers.",
              &apply_threads},
    ServerRow{"memory", "size", "70 % of what the cgroup or the machine has", "1MiB to 16TiB",
              "Memories, tables and tmpfs folders of all guests together. Who asks for more waits, "
              "then gets 503; one function leaves others a part.",
              &apply_memory},
    ServerRow{"state-dir", "path", "$XDG_STATE_HOME/godwit", "",
              "The node's key and compiled code.", &apply_state_dir},
    ServerRow{"log-format", "text", "\"text\"", "", "`\"text\"` or `\"json\"`.", &apply_log_format},
    ServerRow{"log-level", "text", "\"info\"", "",
              "`\"debug\"`, `\"info\"`, `\"warning\"` or `\"error\"`.", &apply_log_level},
    ServerRow{"drain-timeout", "time", "\"10s\"", "", "How long requests may finish at the end.",
              &apply_drain_timeout},
    ServerRow{"watch", "true or false", "false", "", "Serve changed files at once.",
              &apply_flag<&ServerSettings::watch>},
    ServerRow{"dev", "true or false", "false", "",
              "For development: implies `watch`, errors tell details to the client, `GET /` lists "
              "the functions.",
              &apply_flag<&ServerSettings::dev>},
    ServerRow{"allow-unsafe-files", "true or false", "false", "",
              "Serve symbolic links, and files that others can write.",
              &apply_flag<&ServerSettings::allow_unsafe_files>},
    ServerRow{"confinement", "text", "\"best-effort\"", "",
              "Whether the server gives up the files and system calls that it does not need "
              "(Landlock, seccomp): `\"required\"` refuses to start without, `\"best-effort\"` "
              "warns, `\"off\"`.",
              &apply_confinement},
};

// The keys of connection_settings.h: a row holds a plain pointer, so there is a function for each.
template <std::size_t kIndex>
Result<void> apply_connection(const Reader& reader, const toml::node& node,
                              ServerSettings& server) {
  const SettingInfo& info = connection_settings()[kIndex];
  const bool count = info.type == "count";
  if (count && node.is_string()) {
    return reader.bad_value(node.source(),
                            fmt::format("{} is a whole number, without quotes", info.key));
  }
  const auto text = unit_text_of(reader, info.key, node, fmt::format("\"{}\"", info.default_text));
  if (!text) return fail(text.error());
  auto set = set_connection_setting(server.connections, info.key, *text);
  if (!set) return reader.at(node.source(), std::move(set.error()));
  return {};
}

constexpr std::size_t kConnectionRows = 8;

template <std::size_t... kIndices>
void add_connection_rows(std::vector<ServerRow>& rows, std::index_sequence<kIndices...>) {
  const auto infos = connection_settings();
  CHECK(infos.size() == sizeof...(kIndices), infos.size());
  (rows.push_back({infos[kIndices].key, infos[kIndices].type, infos[kIndices].default_text,
                   infos[kIndices].range_text, infos[kIndices].documentation,
                   &apply_connection<kIndices>}),
   ...);
}

std::span<const ServerRow> all_rows() {
  static const std::vector<ServerRow> rows = [] {
    std::vector<ServerRow> all(kRows.begin(), kRows.end());
    add_connection_rows(all, std::make_index_sequence<kConnectionRows>());
    return all;
  }();
  return rows;
}

constexpr std::array<std::string_view, 3> kLaterKeys = {"admin", "engine", "expose-versions"};

std::string diagnose(std::string_view key, const toml::node&) {
  for (const SettingInfo& limit : limit_settings()) {
    if (limit.key == key) return fmt::format("stands under limit: limit = {{ {} = … }}", key);
  }
  return key == "limits" ? "is not known in [server]; did you mean \"limit\"?" : "";
}

}  // namespace

Result<std::uint64_t> parse_guest_memory(std::string_view text) {
  constexpr std::uint64_t kMinimum = std::uint64_t{1} << 20;
  constexpr std::uint64_t kMaximum = std::uint64_t{16} << 40;
  auto bytes = parse_size(text);
  if (!bytes) return bytes;
  if (*bytes < kMinimum || *bytes > kMaximum) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("memory: {} is outside of 1MiB to 16TiB", text.substr(0, 40)));
  }
  return bytes;
}

Result<void> read_server(const Reader& reader, const toml::table& table, ServerSettings& server) {
  return read_table<ServerSettings>(
      reader, table, all_rows(),
      {.section = "[server]", .later = kLaterKeys, .diagnose = &diagnose}, server);
}

std::span<const SettingInfo> server_settings() {
  static const std::vector<SettingInfo> settings = infos_of<ServerSettings>(all_rows());
  return settings;
}

std::vector<std::string_view> keys_that_need_restart(const ServerSettings& before,
                                                     const ServerSettings& now) {
  std::vector<std::string_view> keys;
  const auto compare = [&](std::string_view key, const auto& a, const auto& b) {
    if (a != b) keys.push_back(key);
  };
  compare("listen", before.listen, now.listen);
  compare("metrics", before.metrics, now.metrics);
  compare("folder", before.folder, now.folder);
  compare("threads", before.threads, now.threads);
  compare("memory", before.memory_bytes, now.memory_bytes);
  compare("state-dir", before.state_dir, now.state_dir);
  compare("log-format", before.log_format, now.log_format);
  compare("log-level", before.log_level, now.log_level);
  compare("drain-timeout", before.drain_timeout, now.drain_timeout);
  compare("watch", before.watch, now.watch);
  compare("dev", before.dev, now.dev);
  compare("allow-unsafe-files", before.allow_unsafe_files, now.allow_unsafe_files);
  const auto changed = changed_connection_settings(before.connections, now.connections);
  keys.insert(keys.end(), changed.begin(), changed.end());
  compare("confinement", before.confinement, now.confinement);
  return keys;
}

}  // namespace godwit::manifest
