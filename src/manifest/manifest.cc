#include "manifest/manifest.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "manifest/function_name.h"
#include "manifest/manifest_sections.h"
#include "manifest/nearest_key.h"
#include "manifest/toml_reader.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxVolumes = 1000;
constexpr std::size_t kMaxSecrets = 1000;
constexpr std::size_t kMaxBounds = 1000;

// A table of named tables: [volume.NAME].
struct NamedTable {
  const toml::key* key;
  const toml::table* table;
};
Result<std::vector<NamedTable>> named_tables(const Reader& reader, std::string_view section,
                                             const toml::node& node, std::size_t count_max) {
  const auto all =
      table_of(reader, node, fmt::format("{0} is a table of tables: [{0}.NAME]", section));
  if (!all) return fail(all.error());
  if ((*all)->size() > count_max) {
    return reader.bad_value(node.source(),
                            fmt::format("more than {} of [{}.NAME]", count_max, section));
  }
  std::vector<NamedTable> tables;
  for (const auto& [key, value] : in_file_order(**all)) {
    const toml::table* const table = value->as_table();
    if (table == nullptr) {
      return reader.bad_value(key->source(),
                              fmt::format("\"{}\" is a table: [{}.NAME] with its keys below",
                                          shown(key->str()), section));
    }
    tables.push_back({key, table});
  }
  return tables;
}

Result<void> apply_server(const Reader& reader, const toml::node& node, Manifest& manifest) {
  const auto table = table_of(reader, node, "server is a table: [server]");
  if (!table) return fail(table.error());
  return read_server(reader, **table, manifest.server);
}

Result<void> apply_functions(const Reader& reader, const toml::node& node, Manifest& manifest) {
  auto tables = named_tables(reader, "function", node, kMaxFunctions);
  if (!tables) return fail(std::move(tables.error()));
  for (const auto& [key, table] : *tables) {
    FunctionSpec spec{.name = std::string(key->str())};
    spec.limits = manifest.server.limits;
    if (!is_function_name(spec.name)) {
      return reader.bad_value(
          key->source(),
          fmt::format("\"{}\" is not a name of a function; write [A-Za-z0-9][A-Za-z0-9._-]{{0,62}} "
                      "and \"/\" between such names",
                      shown(spec.name)));
    }
    auto read = read_function(reader, *table, SettingsOf::kManifest, spec);
    if (!read) return read;
    if (spec.source.empty()) {
      return reader.bad_value(section_region(*key, *table),
                              fmt::format("the function \"{}\" has no `source`", spec.name));
    }
    manifest.functions.push_back(std::move(spec));
  }
  return {};
}

Result<void> apply_volumes(const Reader& reader, const toml::node& node, Manifest& manifest) {
  auto tables = named_tables(reader, "volume", node, kMaxVolumes);
  if (!tables) return fail(std::move(tables.error()));
  for (const auto& [key, table] : *tables) {
    VolumeSpec volume{.name = std::string(key->str()),
                      .place = reader.place(section_region(*key, *table))};
    if (!is_function_segment(volume.name)) {
      return reader.bad_value(key->source(), fmt::format("\"{}\" is not a name of a volume; write "
                                                         "[A-Za-z0-9][A-Za-z0-9._-]{{0,62}}",
                                                         shown(volume.name)));
    }
    if (auto read = read_volume(reader, *table, volume); !read) return read;
    manifest.volumes.push_back(std::move(volume));
  }
  return {};
}

Result<void> apply_secrets(const Reader& reader, const toml::node& node, Manifest& manifest) {
  auto tables = named_tables(reader, "secret", node, kMaxSecrets);
  if (!tables) return fail(std::move(tables.error()));
  for (const auto& [key, table] : *tables) {
    SecretSpec secret{.name = std::string(key->str()),
                      .place = reader.place(section_region(*key, *table))};
    if (!is_environment_name(secret.name)) {
      return reader.bad_value(
          key->source(),
          fmt::format("\"{}\" is not a name of an environment variable", shown(secret.name)));
    }
    if (auto read = read_secret(reader, *table, secret); !read) return read;
    manifest.secrets.push_back(std::move(secret));
  }
  return {};
}

Result<void> apply_bounds(const Reader& reader, const toml::node& node, Manifest& manifest) {
  auto tables = named_tables(reader, "bounds", node, kMaxBounds);
  if (!tables) return fail(std::move(tables.error()));
  for (const auto& [key, table] : *tables) {
    Bounds bounds{.pattern = std::string(key->str())};
    if (!is_function_pattern(bounds.pattern)) {
      return reader.bad_value(
          key->source(), fmt::format("\"{}\" names no functions; write a name, \"shop/*\" or \"*\"",
                                     shown(bounds.pattern)));
    }
    if (auto read = read_bounds(reader, *table, bounds); !read) return read;
    manifest.bounds.push_back(std::move(bounds));
  }
  return {};
}

// In the order in which they are read: functions start from the server's limits.
using SectionRow = Row<Manifest>;
constexpr std::array kSections = {
    SectionRow{"server", "", "", "", "", &apply_server},
    SectionRow{"volume", "", "", "", "", &apply_volumes},
    SectionRow{"secret", "", "", "", "", &apply_secrets},
    SectionRow{"bounds", "", "", "", "", &apply_bounds},
    SectionRow{"function", "", "", "", "", &apply_functions},
};

Result<void> nothing(const Reader&, const toml::node&, Manifest&) { return {}; }

std::string diagnose_top(std::string_view key, const toml::node&) {
  for (const SettingInfo& each : server_settings()) {
    if (each.key == key) return fmt::format("stands under [server]");
  }
  for (const SettingInfo& each : function_settings()) {
    if (each.key == key) return "stands under [function.NAME]";
  }
  return key == "source" ? "stands under [function.NAME]" : "";
}

// Unknown sections first, in the order of the file; a typo in a header must not be hidden behind
// an error that it causes.
Result<void> check_sections(const Reader& reader, const toml::table& table) {
  std::array<SectionRow, kSections.size()> names = kSections;
  for (SectionRow& row : names) row.apply = &nothing;
  Manifest ignored;
  return read_table<Manifest>(reader, table, names, {.diagnose = &diagnose_top}, ignored);
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const ManifestOptions& options) {
  const auto table = parse_toml(text, options.filename);
  if (!table) return fail(table.error());
  const Reader reader{options.filename};
  if (auto checked = check_sections(reader, *table); !checked) {
    return fail(std::move(checked.error()));
  }
  Manifest manifest{.filename = std::string(options.filename)};
  for (const SectionRow& section : kSections) {
    if (const toml::node* const node = table->get(section.key); node != nullptr) {
      if (auto read = section.apply(reader, *node, manifest); !read) {
        return fail(std::move(read.error()));
      }
    }
    if (section.key != "server") continue;
    for (const std::string& assignment : options.limits) {
      auto set = set_limit_assignment(manifest.server.limits, assignment);
      if (!set) return fail(std::move(set.error()));
    }
  }
  return manifest;
}

const VolumeSpec* find_volume(const Manifest& manifest, std::string_view name) {
  const auto found = std::find_if(manifest.volumes.begin(), manifest.volumes.end(),
                                  [&](const VolumeSpec& volume) { return volume.name == name; });
  return found == manifest.volumes.end() ? nullptr : &*found;
}

const SecretSpec* find_secret(const Manifest& manifest, std::string_view name) {
  const auto found = std::find_if(manifest.secrets.begin(), manifest.secrets.end(),
                                  [&](const SecretSpec& secret) { return secret.name == name; });
  return found == manifest.secrets.end() ? nullptr : &*found;
}

}  // namespace godwit::manifest
