// [volume.NAME], [secret.NAME] and [bounds]: the operator's side of what functions ask for.
#include <array>

#include <fmt/format.h>

#include "manifest/function_name.h"
#include "manifest/manifest_sections.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxPatterns = 1000;
constexpr Range kVolumeBytes{.minimum = 0, .maximum = std::uint64_t{1} << 50};
constexpr Range kVolumeFiles{.minimum = 0, .maximum = 1'000'000'000};
constexpr Range kTmpfsBytes{.minimum = 0, .maximum = std::uint64_t{1} << 40};

Result<void> read_grantees(const Reader& reader, const toml::node& node, Grantees& grantees) {
  const auto patterns = texts_of(
      reader, node,
      {.key = "functions", .example = "[\"resize\", \"shop/*\"]", .count_max = kMaxPatterns});
  if (!patterns) return fail(patterns.error());
  grantees.emplace();
  for (const PlacedText& pattern : *patterns) {
    if (!is_function_pattern(pattern.text)) {
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("{}: \"{}\" names no functions; write a name, \"shop/*\" or \"*\"",
                              pattern.place, shown(pattern.text)));
    }
    grantees->push_back(pattern.text);
  }
  return {};
}

// --- [volume.NAME] ------------------------------------------------------------------------------

Result<void> apply_path(const Reader& reader, const toml::node& node, VolumeSpec& volume) {
  auto path = path_of(reader, "path", node);
  if (!path) return fail(std::move(path.error()));
  volume.path = std::move(*path);
  return {};
}

Result<void> apply_modes(const Reader& reader, const toml::node& node, VolumeSpec& volume) {
  const auto modes =
      texts_of(reader, node, {.key = "modes", .example = "[\"read\", \"write\"]", .count_max = 2});
  if (!modes) return fail(modes.error());
  volume.may_read = false;
  for (const PlacedText& mode : *modes) {
    if (mode.text != "read" && mode.text != "write") {
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("{}: a mode is \"read\" or \"write\"", mode.place));
    }
    volume.may_read = true;  // to write includes to read
    volume.may_write |= mode.text == "write";
  }
  return {};
}

Result<void> apply_volume_functions(const Reader& reader, const toml::node& node,
                                    VolumeSpec& volume) {
  return read_grantees(reader, node, volume.functions);
}

Result<void> apply_max_size(const Reader& reader, const toml::node& node, VolumeSpec& volume) {
  const auto size = size_of(reader, "max-size", node, kVolumeBytes);
  if (!size) return fail(size.error());
  volume.max_size_bytes = *size;
  return {};
}

Result<void> apply_max_files(const Reader& reader, const toml::node& node, VolumeSpec& volume) {
  const auto count = count_of(reader, "max-files", node, kVolumeFiles);
  if (!count) return fail(count.error());
  volume.max_files = static_cast<std::uint32_t>(*count);
  return {};
}

using VolumeRow = Row<VolumeSpec>;
constexpr std::string_view kFunctionsDocs =
    "To which functions: names, `\"shop/*\"` (all below shop), `\"*\"` (all), `\"/\"` (the index "
    "of "
    "the folder). Without it: to the functions of this file, and to no others.";

constexpr std::array kVolumeRows = {
    VolumeRow{"path", "path", "", "",
              "The folder, relative to the folder of the godwit.toml. Required.", &apply_path},
    VolumeRow{"modes", "list of texts", "[\"read\"]", "",
              "What may be asked for: `\"read\"`, `\"write\"`.", &apply_modes},
    VolumeRow{"functions", "list of names", "those of this file", "", kFunctionsDocs,
              &apply_volume_functions},
    VolumeRow{"max-size", "size", "\"1GiB\"", "0B to 1048576GiB",
              "How large all files in a volume may grow that is granted for writing.",
              &apply_max_size},
    VolumeRow{"max-files", "count", "100000", "0 to 1000000000",
              "How many files, folders and links may come to be in it.", &apply_max_files},
};

// --- [secret.NAME] ------------------------------------------------------------------------------

// Which of the two was there; "exactly one" is judged at the end.
struct SecretDraft {
  std::optional<std::string> file;
  std::optional<std::string> environment;
  Grantees functions;
};

Result<void> apply_file(const Reader& reader, const toml::node& node, SecretDraft& draft) {
  auto path = path_of(reader, "file", node);
  if (!path) return fail(std::move(path.error()));
  draft.file = std::move(*path);
  return {};
}

Result<void> apply_variable(const Reader& reader, const toml::node& node, SecretDraft& draft) {
  auto name = text_of(reader, "environment", node);
  if (!name) return fail(std::move(name.error()));
  if (!is_environment_name(*name)) {
    return reader.bad_value(node.source(), "environment is the name of a variable");
  }
  draft.environment = std::move(*name);
  return {};
}

Result<void> apply_secret_functions(const Reader& reader, const toml::node& node,
                                    SecretDraft& draft) {
  return read_grantees(reader, node, draft.functions);
}

using SecretRow = Row<SecretDraft>;

constexpr std::array kSecretRows = {
    SecretRow{"file", "path", "", "",
              "The file that holds the value, relative to the folder of the godwit.toml; only the "
              "server's user may read it. One newline at its end is not part of the value.",
              &apply_file},
    SecretRow{"environment", "name", "", "",
              "Or: the variable of the server's own environment. It is taken out of that at the "
              "start.",
              &apply_variable},
    SecretRow{"functions", "list of names", "those of this file", "", kFunctionsDocs,
              &apply_secret_functions},
};

// A value in the file would be in every backup and in the version control.
std::string diagnose_secret(std::string_view key, const toml::node&) {
  if (key != "value" && key != "text") return {};
  return "is not known: a value does not stand in this file, it comes from `file` or "
         "`environment`";
}

}  // namespace

Result<void> read_volume(const Reader& reader, const toml::table& table, VolumeSpec& volume) {
  const KeyHelp help{.section = "[volume.NAME]"};
  if (auto read = read_table<VolumeSpec>(reader, table, kVolumeRows, help, volume); !read)
    return read;
  if (!volume.path.empty()) return {};
  return fail(ErrorCode::kConfigBadValue,
              fmt::format("{}: the volume \"{}\" has no `path`", volume.place, volume.name));
}

Result<void> read_secret(const Reader& reader, const toml::table& table, SecretSpec& secret) {
  SecretDraft draft;
  const KeyHelp help{.section = "[secret.NAME]", .diagnose = &diagnose_secret};
  auto read = read_table<SecretDraft>(reader, table, kSecretRows, help, draft);
  if (!read) return read;
  if (draft.file.has_value() == draft.environment.has_value()) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("{}: the secret \"{}\" has exactly one of `file` and `environment`",
                            secret.place, secret.name));
  }
  if (draft.file) {
    secret.source = SecretFile{std::move(*draft.file)};
  } else {
    secret.source = SecretVariable{std::move(*draft.environment)};
  }
  secret.functions = std::move(draft.functions);
  return {};
}

Result<void> read_bounds(const Reader& reader, const toml::table& table, Bounds& bounds) {
  for (const auto& [key, node] : in_file_order(table)) {
    if (key->str() == "tmpfs") {
      const auto size = size_of(reader, "tmpfs", *node, kTmpfsBytes);
      if (!size) return fail(size.error());
      bounds.tmpfs_bytes = *size;
      bounds.tmpfs_place = reader.place(key->source());
      continue;
    }
    if (key->str() == "allowed-outbound-hosts") {
      bounds.outbound_place = reader.place(key->source());
      auto read = read_outbound_hosts(reader, *node, bounds.outbound_hosts.emplace());
      if (!read) return read;
      continue;
    }
    const auto text = limit_text_of(reader, key->str(), *node);
    if (!text) return fail(text.error());
    if (auto set = set_limit(bounds.limits, key->str(), *text); !set) {
      const bool key_is_wrong = set.error().code == ErrorCode::kConfigUnknownKey;
      return reader.at(key_is_wrong ? key->source() : node->source(), set.error());
    }
    bounds.set.push_back({std::string(key->str()), reader.place(key->source())});
  }
  return {};
}

std::span<const SettingInfo> volume_settings() {
  static const std::vector<SettingInfo> settings = infos_of<VolumeSpec>(kVolumeRows);
  return settings;
}

std::span<const SettingInfo> secret_settings() {
  static const std::vector<SettingInfo> settings = infos_of<SecretDraft>(kSecretRows);
  return settings;
}

std::span<const SettingInfo> bounds_settings() {
  static const std::vector<SettingInfo> settings = {
      {"tmpfs", "size", "", "0B to 1024GiB", "All tmpfs of one function together."},
      {"allowed-outbound-hosts", "list of hosts", "[]", "",
       "What functions may ask for in `allowed-outbound-hosts`: each of theirs must lie within one "
       "of these. Without it they may ask for none."}};
  return settings;
}

}  // namespace godwit::manifest
