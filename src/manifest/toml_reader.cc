#include "manifest/toml_reader.h"

#include <unordered_set>

#include <fmt/format.h>

#include "base/units.h"
#include "manifest/nearest_key.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kShownBytes = 40;
constexpr std::size_t kMaxConfiguredPathBytes = 4095;  // PATH_MAX without its NUL

bool is_count(std::string_view key) {
  const auto rows = limit_settings();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const SettingInfo& row) { return row.key == key && row.type == "count"; });
}

}  // namespace

std::string shown(std::string_view text) { return std::string(text.substr(0, kShownBytes)); }

std::string Reader::place(const toml::source_region& region) const {
  return fmt::format("{}:{}:{}", filename, region.begin.line, region.begin.column);
}

tl::unexpected<Error> Reader::fail_at(const toml::source_region& region, ErrorCode code,
                                      std::string_view what) const {
  return fail(code, fmt::format("{}: {}", place(region), what));
}

tl::unexpected<Error> Reader::at(const toml::source_region& region, Error error) const {
  error.detail = fmt::format("{}: {}", place(region), error.detail);
  return fail(std::move(error));
}

Result<toml::table> parse_toml(std::string_view text, std::string_view filename) {
  if (text.size() > kMaxSettingsBytes) {
    return fail(ErrorCode::kConfigBadValue, fmt::format("{}:1:1: the file is larger than {} bytes",
                                                        filename, kMaxSettingsBytes));
  }
  try {
    toml::parse_result parsed = toml::parse(text);
    if (parsed) return std::move(parsed).table();
    const toml::parse_error& error = parsed.error();
    return Reader{filename}.fail_at(error.source(), ErrorCode::kConfigSyntax, error.description());
  } catch (const detail::TomlAssertion&) {
    return fail(ErrorCode::kConfigSyntax,
                fmt::format("{}:1:1: the text is not TOML (the parser can't say where)", filename));
  }
}

std::vector<Entry> in_file_order(const toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const toml::source_position& x = a.first->source().begin;
    const toml::source_position& y = b.first->source().begin;
    return std::pair(x.line, x.column) < std::pair(y.line, y.column);
  });
  return entries;
}

const toml::source_region& section_region(const toml::key& key, const toml::node& node) {
  const toml::table* const table = node.as_table();
  return table == nullptr || table->is_inline() ? key.source() : node.source();
}

tl::unexpected<Error> unknown_key(const Reader& reader, const Entry& entry,
                                  std::span<const std::string_view> known, const KeyHelp& help) {
  const std::string_view key = entry.first->str();
  const auto refuse = [&](std::string_view what) {
    return reader.fail_at(entry.first->source(), ErrorCode::kConfigUnknownKey,
                          fmt::format("\"{}\" {}", shown(key), what));
  };
  if (std::find(help.later.begin(), help.later.end(), key) != help.later.end()) {
    return refuse("is not supported by this version yet; remove it");
  }
  if (help.diagnose != nullptr) {
    if (const std::string diagnosis = help.diagnose(key, *entry.second); !diagnosis.empty()) {
      return refuse(diagnosis);
    }
  }
  const std::string in = help.section.empty() ? "" : fmt::format(" in {}", help.section);
  if (const std::string_view nearest = nearest_key(key, known); !nearest.empty()) {
    return refuse(fmt::format("is not known{}; did you mean \"{}\"?", in, nearest));
  }
  return refuse(fmt::format("is not known{}; known are {}", in, fmt::join(known, ", ")));
}

Result<std::string> text_of(const Reader& reader, std::string_view key, const toml::node& node) {
  const toml::value<std::string>* const text = node.as_string();
  if (text == nullptr) {
    return reader.bad_value(node.source(), fmt::format("{} must be a text in quotes", key));
  }
  return text->get();
}

Result<bool> flag_of(const Reader& reader, std::string_view key, const toml::node& node) {
  const toml::value<bool>* const flag = node.as_boolean();
  if (flag == nullptr) {
    return reader.bad_value(node.source(), fmt::format("{} is true or false", key));
  }
  return flag->get();
}

Result<std::string> path_of(const Reader& reader, std::string_view key, const toml::node& node) {
  auto path = text_of(reader, key, node);
  if (!path) return path;
  if (path->empty() || path->size() > kMaxConfiguredPathBytes ||
      path->find('\0') != std::string::npos) {
    return reader.bad_value(
        node.source(),
        fmt::format("{} is not a path: it is empty, too long or holds a NUL character", key));
  }
  return path;
}

Result<const toml::table*> table_of(const Reader& reader, const toml::node& node,
                                    std::string_view expected) {
  if (const toml::table* const table = node.as_table(); table != nullptr) return table;
  return reader.bad_value(node.source(), expected);
}

Result<std::vector<PlacedText>> texts_of(const Reader& reader, const toml::node& node,
                                         const ListOptions& options) {
  const toml::array* const list = node.as_array();
  if (list == nullptr || list->size() > options.count_max) {
    return reader.bad_value(node.source(),
                            fmt::format("{} is a list of at most {} texts: {}", options.key,
                                        options.count_max, options.example));
  }
  std::vector<PlacedText> texts;
  std::unordered_set<std::string_view> seen;
  for (const toml::node& item : *list) {
    const toml::value<std::string>* const text = item.as_string();
    if (text == nullptr || text->get().empty()) {
      return reader.bad_value(
          item.source(), fmt::format("each of {} must be a text that is not empty", options.key));
    }
    if (!seen.insert(text->get()).second) {
      return reader.bad_value(
          item.source(), fmt::format("\"{}\" stands twice in {}", shown(text->get()), options.key));
    }
    texts.push_back({text->get(), reader.place(item.source())});
  }
  return texts;
}

Result<std::string> unit_text_of(const Reader& reader, std::string_view key, const toml::node& node,
                                 std::string_view example) {
  if (const toml::value<std::string>* const text = node.as_string(); text != nullptr) {
    return text->get();
  }
  if (const toml::value<std::int64_t>* const number = node.as_integer(); number != nullptr) {
    return std::to_string(number->get());
  }
  return reader.bad_value(node.source(),
                          fmt::format("{} is a text with its unit, for instance {}", key, example));
}

namespace {

// How values of one kind are written.
template <class Value>
struct Notation {
  std::string_view example;  // quoted
  Result<Value> (*parse)(std::string_view);
  std::string (*format)(Value);
};

template <class Value>
Result<Value> value_with_unit_of(const Reader& reader, std::string_view key, const toml::node& node,
                                 const Notation<Value>& notation, Value minimum, Value maximum) {
  const auto text = unit_text_of(reader, key, node, notation.example);
  if (!text) return fail(text.error());
  const auto value = notation.parse(*text);
  if (!value) {
    Error error = value.error();
    error.detail = fmt::format("{}: {}", key, error.detail);
    return reader.at(node.source(), std::move(error));
  }
  if (*value < minimum || *value > maximum) {
    return reader.bad_value(node.source(),
                            fmt::format("{}: {} is outside of {} to {}", key, shown(*text),
                                        notation.format(minimum), notation.format(maximum)));
  }
  return *value;
}

}  // namespace

Result<std::uint64_t> size_of(const Reader& reader, std::string_view key, const toml::node& node,
                              const Range& range) {
  const Notation<std::uint64_t> notation{"\"16MiB\"", &parse_size, &format_size};
  return value_with_unit_of(reader, key, node, notation, range.minimum, range.maximum);
}

Result<Nanoseconds> duration_of(const Reader& reader, std::string_view key, const toml::node& node,
                                const DurationRange& range) {
  const Notation<Nanoseconds> notation{range.example, &parse_duration, &format_duration};
  return value_with_unit_of(reader, key, node, notation, range.minimum, range.maximum);
}

Result<std::uint64_t> count_of(const Reader& reader, std::string_view key, const toml::node& node,
                               const Range& range) {
  const toml::value<std::int64_t>* const number = node.as_integer();
  if (number == nullptr || number->get() < 0 ||
      static_cast<std::uint64_t>(number->get()) < range.minimum ||
      static_cast<std::uint64_t>(number->get()) > range.maximum) {
    return reader.bad_value(node.source(), fmt::format("{} is a whole number from {} to {}", key,
                                                       range.minimum, range.maximum));
  }
  return static_cast<std::uint64_t>(number->get());
}

Result<std::string> limit_text_of(const Reader& reader, std::string_view key,
                                  const toml::node& node) {
  if (node.is_string() && is_count(key)) {
    return reader.bad_value(node.source(),
                            fmt::format("{} is a whole number, without quotes", key));
  }
  return unit_text_of(reader, shown(key), node, "\"64MiB\" or \"200ms\"");
}

Result<void> read_limits(const Reader& reader, const toml::node& node, Limits& limits,
                         std::vector<PlacedText>& set) {
  const auto table =
      table_of(reader, node, "limits is a table: { memory = \"64MiB\", cpu = \"200ms\" }");
  if (!table) return fail(table.error());
  for (const auto& [key, value] : in_file_order(**table)) {
    const auto text = limit_text_of(reader, key->str(), *value);
    if (!text) return fail(text.error());
    if (auto done = set_limit(limits, key->str(), *text); !done) {
      const bool key_is_wrong = done.error().code == ErrorCode::kConfigUnknownKey;
      return reader.at(key_is_wrong ? key->source() : value->source(), done.error());
    }
    set.push_back({std::string(key->str()), reader.place(key->source())});
  }
  return {};
}

Result<void> read_outbound_hosts(const Reader& reader, const toml::node& node,
                                 std::vector<OutboundHost>& hosts) {
  const auto texts = texts_of(reader, node,
                              {.key = "allowed-outbound-hosts",
                               .example = "[\"https://api.example.com\"]",
                               .count_max = kMaxOutboundHosts});
  if (!texts) return fail(texts.error());
  hosts.clear();
  for (const PlacedText& text : *texts) {
    auto host = parse_outbound_host(text.text);
    if (!host) {
      host.error().detail = fmt::format("{}: {}", text.place, host.error().detail);
      return fail(std::move(host.error()));
    }
    host->place = text.place;
    // Two spellings of one.
    if (std::find(hosts.begin(), hosts.end(), *host) == hosts.end()) {
      hosts.push_back(std::move(*host));
    }
  }
  return {};
}

}  // namespace godwit::manifest
