// How the files of this folder read TOML: one table of rows per section checks it, names the
// nearest known key, and documents it. Private to src/manifest; only .cc files include it.
//
//   constexpr std::array kRows = {Row<Volume>{"path", "text", "", "The folder.", &apply_path}, …};
//   read_table<Volume>(reader, table, kRows, {}, volume);     // kConfigUnknownKey, …
//
// Pure functions. Every message begins with file:line:column.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "manifest/function_spec.h"
#include "manifest/settings.h"
#include "manifest/toml_parser.h"

namespace godwit::manifest {

// Knows the file that is read. Refers to its name.
struct Reader {
  std::string_view filename;

  // "resize.toml:3:1".
  std::string place(const toml::source_region& region) const;
  tl::unexpected<Error> fail_at(const toml::source_region& region, ErrorCode code,
                                std::string_view what) const;
  tl::unexpected<Error> bad_value(const toml::source_region& region, std::string_view what) const {
    return fail_at(region, ErrorCode::kConfigBadValue, what);
  }
  // An error of someone who does not know the file.
  tl::unexpected<Error> at(const toml::source_region& region, Error error) const;
};

// One key of a section. `range_text` may be empty.
template <class Target>
struct Row {
  std::string_view key;
  std::string_view type;
  std::string_view default_text;
  std::string_view range_text;
  std::string_view documentation;
  Result<void> (*apply)(const Reader&, const toml::node&, Target&);
};

inline constexpr std::size_t kMaxOutboundHosts = 1000;

// What is said about keys that are in no row.
struct KeyHelp {
  std::string_view section;                 // "[server]", or empty at the top of a file
  std::span<const std::string_view> later;  // of the contract, but not of this version
  // A diagnosis of its own ("stands under [limits]"), or empty.
  std::string (*diagnose)(std::string_view key, const toml::node& node) = nullptr;
};

// The beginning of a text that may be long and is about to be shown.
std::string shown(std::string_view text);

// Errors: kConfigSyntax; kConfigBadValue beyond kMaxSettingsBytes.
Result<toml::table> parse_toml(std::string_view text, std::string_view filename);

// Entries in the order of the file; the library sorts by key.
using Entry = std::pair<const toml::key*, const toml::node*>;
std::vector<Entry> in_file_order(const toml::table& table);
// Where a section begins: its header, or the key of an inline table.
const toml::source_region& section_region(const toml::key& key, const toml::node& node);

tl::unexpected<Error> unknown_key(const Reader& reader, const Entry& entry,
                                  std::span<const std::string_view> known, const KeyHelp& help);

Result<std::string> text_of(const Reader& reader, std::string_view key, const toml::node& node);
Result<bool> flag_of(const Reader& reader, std::string_view key, const toml::node& node);
// Without the empty text.
Result<std::string> path_of(const Reader& reader, std::string_view key, const toml::node& node);
Result<const toml::table*> table_of(const Reader& reader, const toml::node& node,
                                    std::string_view expected);
struct ListOptions {
  std::string_view key;
  std::string_view example;  // "[\"A\", \"B\"]"
  std::size_t count_max = 0;
};
// Non-empty texts, none of them twice.
Result<std::vector<PlacedText>> texts_of(const Reader& reader, const toml::node& node,
                                         const ListOptions& options);
struct Range {
  std::uint64_t minimum = 0;
  std::uint64_t maximum = 0;
};
// A text with its unit; also a bare number, as text: parse_size and parse_duration say which unit
// to add. `example` is quoted.
Result<std::string> unit_text_of(const Reader& reader, std::string_view key, const toml::node& node,
                                 std::string_view example);
// "16MiB" → bytes.
Result<std::uint64_t> size_of(const Reader& reader, std::string_view key, const toml::node& node,
                              const Range& range);
struct DurationRange {
  Nanoseconds minimum;
  Nanoseconds maximum;
  std::string_view example;  // quoted
};
// "50ms".
Result<Nanoseconds> duration_of(const Reader& reader, std::string_view key, const toml::node& node,
                                const DurationRange& range);
Result<std::uint64_t> count_of(const Reader& reader, std::string_view key, const toml::node& node,
                               const Range& range);
// The text of a limit as set_limit takes it. Only counts are written without quotes.
Result<std::string> limit_text_of(const Reader& reader, std::string_view key,
                                  const toml::node& node);
// Reads a table of limits; appends what was set, and where, to `set`.
Result<void> read_limits(const Reader& reader, const toml::node& node, Limits& limits,
                         std::vector<PlacedText>& set);

template <class Target>
Result<void> read_table(const Reader& reader, const toml::table& table,
                        std::span<const Row<Target>> rows, const KeyHelp& help, Target& target) {
  for (const Entry& entry : in_file_order(table)) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row<Target>& each) {
      return each.key == entry.first->str();
    });
    if (row == rows.end()) {
      std::vector<std::string_view> known;
      for (const Row<Target>& each : rows) known.push_back(each.key);
      return unknown_key(reader, entry, known, help);
    }
    if (auto done = row->apply(reader, *entry.second, target); !done) return done;
  }
  return {};
}

template <class Target>
std::vector<SettingInfo> infos_of(std::span<const Row<Target>> rows) {
  std::vector<SettingInfo> infos;
  for (const Row<Target>& row : rows) {
    infos.push_back({row.key, row.type, std::string(row.default_text), std::string(row.range_text),
                     row.documentation});
  }
  return infos;
}

// [function.NAME] and NAME.toml; `source` is known in the former only (settings.cc).
enum class SettingsOf : std::uint8_t { kOwnFile, kManifest };
Result<void> read_function(const Reader& reader, const toml::table& table, SettingsOf where,
                           FunctionSpec& spec);
// `allowed-outbound-hosts` of a function or of [bounds].
Result<void> read_outbound_hosts(const Reader& reader, const toml::node& node,
                                 std::vector<OutboundHost>& hosts);
// `files` of a function (settings_files.cc).
Result<void> read_files(const Reader& reader, const toml::node& node, FunctionSpec& spec);

}  // namespace godwit::manifest
