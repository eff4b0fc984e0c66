#include "manifest/settings.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "manifest/nearest_key.h"
#include "manifest/toml_parser.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxListedNames = 1000;
constexpr std::size_t kShownBytes = 40;

// Where a message points: "resize.toml:3:1".
struct Place {
  std::string_view filename;
  toml::source_position position;

  std::string text() const {
    return fmt::format("{}:{}:{}", filename, position.line, position.column);
  }
};

struct Context {
  std::string_view filename;
  FunctionSpec& spec;

  Place place(const toml::source_region& region) const { return {filename, region.begin}; }
};

tl::unexpected<Error> bad_value(const Place& place, std::string_view what) {
  return fail(ErrorCode::kConfigBadValue, fmt::format("{}: {}", place.text(), what));
}

// An error of someone who does not know the file: says where.
tl::unexpected<Error> at(const Place& place, Error error) {
  error.detail = fmt::format("{}: {}", place.text(), error.detail);
  return fail(std::move(error));
}

std::string shown(std::string_view text) { return std::string(text.substr(0, kShownBytes)); }

Result<toml::table> parse_toml(std::string_view text, std::string_view filename) {
  try {
    toml::parse_result parsed = toml::parse(text);
    if (parsed) return std::move(parsed).table();
    const toml::parse_error& error = parsed.error();
    return fail(
        ErrorCode::kConfigSyntax,
        fmt::format("{}: {}", Place{filename, error.source().begin}.text(), error.description()));
  } catch (const detail::TomlAssertion&) {
    return fail(ErrorCode::kConfigSyntax,
                fmt::format("{}:1:1: the text is not TOML (the parser can't say where)", filename));
  }
}

// Entries in the order of the file; the library sorts by key.
using Entry = std::pair<const toml::key*, const toml::node*>;
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

Result<std::string> text_of(const Context& context, std::string_view key, const toml::node& node) {
  const toml::value<std::string>* const text = node.as_string();
  if (text == nullptr) {
    return bad_value(context.place(node.source()), fmt::format("{} must be a text in quotes", key));
  }
  return text->get();
}

Result<void> apply_contract(Context& context, const toml::node& node) {
  const auto text = text_of(context, "contract", node);
  if (!text) return fail(text.error());
  if (*text == "auto") {
    context.spec.contract = ContractChoice::kAuto;
  } else if (*text == "command") {
    context.spec.contract = ContractChoice::kCommand;
  } else if (*text == "http") {
    return bad_value(context.place(node.source()),
                     "the contract \"http\" (components) is not supported by this version yet");
  } else {
    return bad_value(context.place(node.source()), "contract is \"auto\" or \"command\"");
  }
  return {};
}

Result<void> apply_response(Context& context, const toml::node& node) {
  const auto text = text_of(context, "response", node);
  if (!text) return fail(text.error());
  if (*text != "body" && *text != "cgi") {
    return bad_value(context.place(node.source()), "response is \"body\" or \"cgi\"");
  }
  context.spec.response = *text == "cgi" ? ResponseMode::kCgi : ResponseMode::kBody;
  return {};
}

Result<void> apply_content_type(Context& context, const toml::node& node) {
  auto text = text_of(context, "content-type", node);
  if (!text) return fail(text.error());
  if (!is_content_type(*text)) {
    return bad_value(context.place(node.source()),
                     "content-type is not a media type; write for instance \"application/json\"");
  }
  context.spec.content_type = std::move(*text);
  return {};
}

Result<void> apply_arguments(Context& context, const toml::node& node) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) {
    return bad_value(context.place(node.source()),
                     "arguments is a list of texts: [\"--verbose\", \"fast\"]");
  }
  context.spec.arguments.clear();
  for (const toml::node& item : *list) {
    const auto text = text_of(context, "each argument", item);
    if (!text) return fail(text.error());
    if (auto added = add_argument(context.spec, *text); !added) {
      return at(context.place(item.source()), added.error());
    }
  }
  return {};
}

Result<void> apply_environment(Context& context, const toml::node& node) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) {
    return bad_value(context.place(node.source()),
                     "environment is a table of texts: { QUALITY = \"80\" }");
  }
  for (const auto& [key, value] : in_file_order(*table)) {
    const auto text = text_of(context, shown(key->str()), *value);
    if (!text) return fail(text.error());
    if (auto done = set_environment(context.spec, key->str(), *text); !done) {
      return at(context.place(key->source()), done.error());
    }
  }
  return {};
}

Result<void> apply_request_environment(Context& context, const toml::node& node) {
  const toml::value<bool>* const flag = node.as_boolean();
  if (flag == nullptr) {
    return bad_value(context.place(node.source()), "request-environment is true or false");
  }
  context.spec.request_environment =
      flag->get() ? RequestEnvironment::kGiven : RequestEnvironment::kLeftOut;
  return {};
}

Result<void> apply_query_environment(Context& context, const toml::node& node) {
  QueryEnvironment& query = context.spec.query_environment;
  if (const toml::value<bool>* const flag = node.as_boolean(); flag != nullptr) {
    query = {flag->get() ? QueryEnvironment::Policy::kAll : QueryEnvironment::Policy::kNone, {}};
    return {};
  }
  const toml::array* const list = node.as_array();
  if (list == nullptr || list->size() > kMaxListedNames) {
    return bad_value(context.place(node.source()),
                     fmt::format("query-environment is true, false, or a list of at most {} names",
                                 kMaxListedNames));
  }
  query = {QueryEnvironment::Policy::kListed, {}};
  for (const toml::node& item : *list) {
    auto name = text_of(context, "each name of query-environment", item);
    if (!name) return fail(name.error());
    if (!is_environment_name(*name)) {
      return bad_value(
          context.place(item.source()),
          fmt::format("\"{}\" is not a name of an environment variable", shown(*name)));
    }
    query.names.push_back(std::move(*name));
  }
  return {};
}

Result<void> apply_files(Context& context, const toml::node& node) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) {
    return bad_value(context.place(node.source()), "files is a table: { \"/dev\" = \"stdio\" }");
  }
  for (const auto& [key, value] : in_file_order(*table)) {
    const toml::value<std::string>* const text = value->as_string();
    if (key->str() != "/dev" || text == nullptr || text->get() != "stdio") {
      return bad_value(context.place(key->source()),
                       "only \"/dev\" = \"stdio\" is supported by this version (volumes and tmpfs "
                       "are not, yet)");
    }
    context.spec.devices = DeviceFolder::kStdio;
  }
  return {};
}

bool is_count(std::string_view key) {
  const auto rows = limit_settings();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const SettingInfo& row) { return row.key == key && row.type == "count"; });
}

// The text of a limit as set_limit takes it. Only counts are written without quotes.
Result<std::string> limit_value(const Context& context, std::string_view key,
                                const toml::node& node) {
  if (const toml::value<std::string>* const text = node.as_string(); text != nullptr) {
    if (!is_count(key)) return text->get();
    return bad_value(context.place(node.source()),
                     fmt::format("{} is a whole number, without quotes", key));
  }
  if (const toml::value<std::int64_t>* const number = node.as_integer(); number != nullptr) {
    return std::to_string(number->get());  // without a unit: set_limit says which are known
  }
  return bad_value(
      context.place(node.source()),
      fmt::format("{} is a text with its unit, for instance \"64MiB\" or \"200ms\"", shown(key)));
}

Result<void> apply_limits(Context& context, const toml::node& node) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) {
    return bad_value(context.place(node.source()),
                     "limits is a table: { memory = \"64MiB\", cpu = \"200ms\" }");
  }
  for (const auto& [key, value] : in_file_order(*table)) {
    const auto text = limit_value(context, key->str(), *value);
    if (!text) return fail(text.error());
    if (auto done = set_limit(context.spec.limits, key->str(), *text); !done) {
      const bool key_is_wrong = done.error().code == ErrorCode::kConfigUnknownKey;
      return at(context.place(key_is_wrong ? key->source() : value->source()), done.error());
    }
  }
  return {};
}

struct SettingRow {
  std::string_view key;
  std::string_view type;
  std::string_view default_text;
  std::string_view documentation;
  Result<void> (*apply)(Context&, const toml::node&);
};

constexpr std::array kRows = {
    SettingRow{"contract", "text", "\"auto\"",
               "How the function is called: `\"auto\"` finds it from the module, `\"command\"` "
               "insists on a WASI command.",
               &apply_contract},
    SettingRow{
        "response", "text", "\"body\"",
        "`\"body\"`: what the function prints is the response's body. `\"cgi\"`: it prints a "
        "CGI header block first (Status, Content-Type, Location, any other header), then an "
        "empty line, then the body.",
        &apply_response},
    SettingRow{"content-type", "text", "found from the output",
               "The response's Content-Type. Without it: `text/plain; charset=utf-8` where the "
               "output is UTF-8, else `application/octet-stream`.",
               &apply_content_type},
    SettingRow{"arguments", "list of texts", "[]",
               "Arguments after the function's name (argv[1] and on).", &apply_arguments},
    SettingRow{"environment", "table of texts", "{}",
               "Environment variables. The query can't override them.", &apply_environment},
    SettingRow{
        "request-environment", "true or false", "true",
        "Whether the environment holds what is known of the request: CGI variables, headers, "
        "query parameters. `false` is for programs that want theirs empty.",
        &apply_request_environment},
    SettingRow{"query-environment", "true, false or list of names", "true",
               "Which query parameters become environment variables: all, none, or those listed.",
               &apply_query_environment},
    SettingRow{"files", "table", "{}",
               "What the function finds in its file system: `{ \"/dev\" = \"stdio\" }` gives it a "
               "folder with stdin, stdout and stderr, for programs that insist on file names.",
               &apply_files},
    SettingRow{"limits", "table", "{}", "The limits below.", &apply_limits},
};

// Of the contract, but not of this version: a typo would be the wrong diagnosis.
constexpr std::array<std::string_view, 9> kLaterKeys = {
    "secrets",  "allowed-outbound-hosts", "routes", "instances", "max-requests",
    "max-idle", "expose-versions",        "volume", "server"};

tl::unexpected<Error> unknown_key(const Place& place, std::string_view key) {
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorCode::kConfigUnknownKey,
                fmt::format("{}: \"{}\" {}", place.text(), shown(key), what));
  };
  if (std::find(kLaterKeys.begin(), kLaterKeys.end(), key) != kLaterKeys.end()) {
    return refuse("is not supported by this version yet; remove it");
  }
  if (key == "source") return refuse("is not set here: the file's own name says which module");
  if (key == "function") {
    return refuse("belongs to a godwit.toml; here the keys of one function stand at the top");
  }
  for (const SettingInfo& limit : limit_settings()) {
    if (limit.key == key) return refuse(fmt::format("stands under [limits]: limits.{}", key));
  }
  std::vector<std::string_view> known;
  for (const SettingRow& row : kRows) known.push_back(row.key);
  if (const std::string_view nearest = nearest_key(key, known); !nearest.empty()) {
    return refuse(fmt::format("is not known; did you mean \"{}\"?", nearest));
  }
  return refuse(fmt::format("is not known; known are {}", fmt::join(known, ", ")));
}

std::string table_line(const SettingInfo& row) {
  return fmt::format(
      "| `{}` | {} | {} | {} | {} |\n", row.key, row.type,
      row.default_text.starts_with("found") ? row.default_text : "`" + row.default_text + "`",
      row.range_text, row.documentation);
}

}  // namespace

std::span<const SettingInfo> function_settings() {
  static const std::vector<SettingInfo> settings = [] {
    std::vector<SettingInfo> rows;
    for (const SettingRow& row : kRows) {
      rows.push_back({row.key, row.type, std::string(row.default_text), {}, row.documentation});
    }
    return rows;
  }();
  return settings;
}

Result<FunctionSpec> parse_function_settings(std::string_view text, std::string_view filename,
                                             FunctionSpec defaults) {
  if (text.size() > kMaxSettingsBytes) {
    return fail(ErrorCode::kConfigBadValue,
                fmt::format("{}: the file is larger than {} bytes", filename, kMaxSettingsBytes));
  }
  const auto table = parse_toml(text, filename);
  if (!table) return fail(table.error());
  Context context{filename, defaults};
  for (const auto& [key, node] : in_file_order(*table)) {
    const auto* const row =
        std::find_if(kRows.begin(), kRows.end(),
                     [&, name = key->str()](const SettingRow& each) { return each.key == name; });
    if (row == kRows.end()) return unknown_key(context.place(key->source()), key->str());
    if (auto done = row->apply(context, *node); !done) return fail(std::move(done.error()));
  }
  return defaults;
}

std::string settings_reference_markdown() {
  std::string page =
      "# Settings of a function\n\n"
      "A file `NAME.toml` beside `NAME.wasm` or `NAME.wat` holds the settings of that function. "
      "All keys are optional; an unknown key is an error.\n\n"
      "```toml\n"
      "response = \"cgi\"\n"
      "environment = { QUALITY = \"80\" }\n"
      "limits = { memory = \"64MiB\", cpu = \"200ms\" }\n"
      "```\n\n"
      "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
  for (const SettingInfo& row : function_settings()) page += table_line(row);
  page +=
      "\n## Limits\n\n"
      "They are always on. A size or time is a text with its unit (`\"64MiB\"`, `\"200ms\"`), a "
      "count is a bare number. On the command line `--limit KEY=VALUE` sets the default for "
      "functions that set none.\n\n"
      "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
  for (const SettingInfo& row : limit_settings()) page += table_line(row);
  return page;
}

}  // namespace godwit::manifest
