#include "manifest/settings.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "manifest/toml_reader.h"

namespace godwit::manifest {
namespace {

constexpr std::size_t kMaxListedNames = 1000;
constexpr std::size_t kMaxArguments = 10'000;  // their bytes are bounded too
constexpr std::size_t kMaxSecrets = 100;
constexpr std::size_t kMaxRoutes = 100;
constexpr std::size_t kMaxRouteBytes = 1024;

Result<void> apply_contract(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto text = text_of(reader, "contract", node);
  if (!text) return fail(text.error());
  if (*text == "auto") {
    spec.contract = ContractChoice::kAuto;
  } else if (*text == "command") {
    spec.contract = ContractChoice::kCommand;
  } else if (*text == "http") {
    spec.contract = ContractChoice::kHttp;
  } else {
    return reader.bad_value(node.source(), "contract is \"auto\", \"command\" or \"http\"");
  }
  return {};
}

Result<void> apply_response(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto text = text_of(reader, "response", node);
  if (!text) return fail(text.error());
  if (*text != "body" && *text != "cgi") {
    return reader.bad_value(node.source(), "response is \"body\" or \"cgi\"");
  }
  spec.response = *text == "cgi" ? ResponseMode::kCgi : ResponseMode::kBody;
  return {};
}

Result<void> apply_content_type(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  auto text = text_of(reader, "content-type", node);
  if (!text) return fail(text.error());
  if (!is_content_type(*text)) {
    return reader.bad_value(
        node.source(), "content-type is not a media type; write for instance \"application/json\"");
  }
  spec.content_type = std::move(*text);
  return {};
}

Result<void> apply_arguments(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const toml::array* const list = node.as_array();
  if (list == nullptr || list->size() > kMaxArguments) {
    return reader.bad_value(node.source(),
                            "arguments is a list of texts: [\"--verbose\", \"fast\"]");
  }
  spec.arguments.clear();
  for (const toml::node& item : *list) {
    const auto text = text_of(reader, "each argument", item);
    if (!text) return fail(text.error());
    if (auto added = add_argument(spec, *text); !added) {
      return reader.at(item.source(), added.error());
    }
  }
  return {};
}

Result<void> apply_environment(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto table =
      table_of(reader, node, "environment is a table of texts: { QUALITY = \"80\" }");
  if (!table) return fail(table.error());
  for (const auto& [key, value] : in_file_order(**table)) {
    const auto text = text_of(reader, shown(key->str()), *value);
    if (!text) return fail(text.error());
    if (auto done = set_environment(spec, key->str(), *text); !done) {
      return reader.at(key->source(), done.error());
    }
  }
  return {};
}

Result<void> apply_request_environment(const Reader& reader, const toml::node& node,
                                       FunctionSpec& spec) {
  const auto flag = flag_of(reader, "request-environment", node);
  if (!flag) return fail(flag.error());
  spec.request_environment = *flag ? RequestEnvironment::kGiven : RequestEnvironment::kLeftOut;
  return {};
}

Result<void> apply_query_environment(const Reader& reader, const toml::node& node,
                                     FunctionSpec& spec) {
  QueryEnvironment& query = spec.query_environment;
  if (const toml::value<bool>* const flag = node.as_boolean(); flag != nullptr) {
    query = {flag->get() ? QueryEnvironment::Policy::kAll : QueryEnvironment::Policy::kNone, {}};
    return {};
  }
  const toml::array* const list = node.as_array();
  if (list == nullptr || list->size() > kMaxListedNames) {
    return reader.bad_value(
        node.source(),
        fmt::format("query-environment is true, false, or a list of at most {} names",
                    kMaxListedNames));
  }
  query = {QueryEnvironment::Policy::kListed, {}};
  for (const toml::node& item : *list) {
    auto name = text_of(reader, "each name of query-environment", item);
    if (!name) return fail(name.error());
    if (!is_environment_name(*name)) {
      return reader.bad_value(
          item.source(),
          fmt::format("\"{}\" is not a name of an environment variable", shown(*name)));
    }
    query.names.push_back(std::move(*name));
  }
  return {};
}

Result<void> apply_secrets(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  auto names = texts_of(reader, node,
                        {.key = "secrets", .example = "[\"API_KEY\"]", .count_max = kMaxSecrets});
  if (!names) return fail(std::move(names.error()));
  for (const PlacedText& name : *names) {
    if (!is_environment_name(name.text)) {
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("{}: \"{}\" is not a name of an environment variable", name.place,
                              shown(name.text)));
    }
  }
  spec.secrets = std::move(*names);
  return {};
}

Result<void> apply_outbound_hosts(const Reader& reader, const toml::node& node,
                                  FunctionSpec& spec) {
  return read_outbound_hosts(reader, node, spec.outbound_hosts);
}

// The syntax of a pattern is the gateway's: it reads them, and knows the place for its messages.
Result<void> apply_routes(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  auto routes = texts_of(reader, node,
                         {.key = "routes",
                          .example = "[\"/img/{id}\", \"GET /thumb/{rest...}\"]",
                          .count_max = kMaxRoutes});
  if (!routes) return fail(std::move(routes.error()));
  for (const PlacedText& route : *routes) {
    if (route.text.size() > kMaxRouteBytes) {
      return fail(ErrorCode::kConfigBadValue, fmt::format("{}: the route is longer than {} bytes",
                                                          route.place, kMaxRouteBytes));
    }
  }
  spec.routes = std::move(*routes);
  return {};
}

Result<void> apply_instances(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto text = text_of(reader, "instances", node);
  if (!text) return fail(text.error());
  if (*text != "fresh" && *text != "reused") {
    return reader.bad_value(node.source(), "instances is \"fresh\" or \"reused\"");
  }
  spec.instances.policy = *text == "reused" ? InstancePolicy::kReused : InstancePolicy::kFresh;
  return {};
}

Result<void> apply_max_requests(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto count = count_of(reader, "max-requests", node, {.minimum = 1, .maximum = 1'000'000});
  if (!count) return fail(count.error());
  spec.instances.max_requests = *count;
  return {};
}

Result<void> apply_max_idle(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  const auto time = duration_of(reader, "max-idle", node,
                                {.minimum = std::chrono::milliseconds(1),
                                 .maximum = std::chrono::hours(1),
                                 .example = "\"10s\""});
  if (!time) return fail(time.error());
  spec.instances.max_idle = *time;
  return {};
}

Result<void> apply_limits(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  return read_limits(reader, node, spec.limits, spec.asked_limits);
}

Result<void> apply_source(const Reader& reader, const toml::node& node, FunctionSpec& spec) {
  auto path = path_of(reader, "source", node);
  if (!path) return fail(std::move(path.error()));
  spec.source = std::move(*path);
  return {};
}

using FunctionRow = Row<FunctionSpec>;

constexpr std::array kRows = {
    FunctionRow{"contract", "text", "\"auto\"", "",
                "How the function is called: `\"auto\"` finds it from the module, `\"command\"` "
                "insists on a WASI command, `\"http\"` on a component that speaks HTTP itself.",
                &apply_contract},
    FunctionRow{"routes", "list of texts", "/NAME and below it", "",
                "Patterns of the requests that the function answers, as Go's ServeMux has them: "
                "`\"/img/{id}\"`, `\"GET /thumb/{rest...}\"`, `\"host.example/\"`. With routes, "
                "/NAME is not served.",
                &apply_routes},
    FunctionRow{
        "response", "text", "\"body\"", "",
        "`\"body\"`: what the function prints is the response's body. `\"cgi\"`: it prints a "
        "CGI header block first (Status, Content-Type, Location, any other header), then an "
        "empty line, then the body. Of commands only.",
        &apply_response},
    FunctionRow{"content-type", "text", "found from the output", "",
                "The response's Content-Type. Without it: `text/plain; charset=utf-8` where the "
                "output is UTF-8, else `application/octet-stream`. Of commands only.",
                &apply_content_type},
    FunctionRow{"arguments", "list of texts", "[]", "",
                "Arguments after the function's name (argv[1] and on).", &apply_arguments},
    FunctionRow{"environment", "table of texts", "{}", "",
                "Environment variables. The query can't override them.", &apply_environment},
    FunctionRow{"secrets", "list of names", "[]", "",
                "Environment variables whose values are the operator's secrets of the same names "
                "(`[secret.NAME]`).",
                &apply_secrets},
    FunctionRow{
        "allowed-outbound-hosts", "list of hosts", "[]", "",
        "Where the function may send HTTP requests: `\"https://api.example.com\"`, "
        "`\"https://*.example.com\"` (names below it), `\"http://10.0.0.7:8080\"`. Addresses that "
        "are not public (private, loopback, link-local, …) are reached only where an entry is the "
        "very address, or `localhost`.",
        &apply_outbound_hosts},
    FunctionRow{
        "request-environment", "true or false", "true", "",
        "Whether the environment holds what is known of the request: CGI variables, headers, "
        "query parameters. `false` is for programs that want theirs empty.",
        &apply_request_environment},
    FunctionRow{"query-environment", "true, false or list of names", "true", "",
                "Which query parameters become environment variables: all, none, or those listed.",
                &apply_query_environment},
    FunctionRow{"files", "table", "{}", "", "What the function finds in its file system, below.",
                &read_files},
    FunctionRow{"instances", "text", "\"fresh\"", "",
                "`\"fresh\"`: a new instance for each request. `\"reused\"`: an instance that has "
                "answered is kept for the function's next request, with all that is in its "
                "memory; one that trapped or met a limit is not. Of components that speak HTTP "
                "only.",
                &apply_instances},
    FunctionRow{"max-requests", "count", "1000", "1 to 1000000",
                "With `instances = \"reused\"`: an instance goes after so many requests.",
                &apply_max_requests},
    FunctionRow{"max-idle", "time", "\"10s\"", "\"1ms\" to \"1h\"",
                "With `instances = \"reused\"`: an instance goes when it was not needed for so "
                "long.",
                &apply_max_idle},
    FunctionRow{"limits", "table", "{}", "", "The limits below.", &apply_limits},
};

constexpr std::array kManifestRows = {
    FunctionRow{"source", "path", "", "",
                "The module: NAME.wasm or NAME.wat, relative to the folder of the godwit.toml. "
                "Required in `[function.NAME]`; in a NAME.toml it is not set.",
                &apply_source},
};

// Of the contract, but not of this version: a typo would be the wrong diagnosis.
constexpr std::array<std::string_view, 1> kLaterKeys = {"expose-versions"};

std::string diagnose(std::string_view key, const toml::node&) {
  for (const SettingInfo& limit : limit_settings()) {
    if (limit.key == key) return fmt::format("stands under [limits]: limits.{}", key);
  }
  for (const std::string_view mount : {"volume", "tmpfs", "mode"}) {
    if (key == mount) return "stands under [files]: \"/data\" = { volume = \"pictures\" }";
  }
  return {};
}

std::string diagnose_own_file(std::string_view key, const toml::node& node) {
  if (key == "source") return "is not set here: the file's own name says which module";
  if (key == "function") {
    return "belongs to a godwit.toml; here the keys of one function stand at the top";
  }
  for (const std::string_view section : {"server", "volume", "secret", "bounds"}) {
    if (key == section) return "belongs to the operator's godwit.toml";
  }
  return diagnose(key, node);
}

std::string diagnose_in_manifest(std::string_view key, const toml::node& node) {
  std::string diagnosis = diagnose(key, node);
  if (diagnosis.empty() && node.is_table()) {
    return "is no key of a function; a name with a slash is quoted: [function.\"shop/cart\"]";
  }
  return diagnosis;
}

// Errors: kConfigBadValue.
Result<void> check_instances(const Reader& reader, const toml::table& table,
                             const FunctionSpec& spec) {
  if (spec.instances.reused()) return {};
  for (const std::string_view key : {"max-requests", "max-idle"}) {
    const toml::node* const node = table.get(key);
    if (node == nullptr) continue;
    return reader.bad_value(node->source(), fmt::format("{} is of `instances = \"reused\"`", key));
  }
  return {};
}

// A name stands once in an environment.
Result<void> check_secrets(const FunctionSpec& spec) {
  for (const PlacedText& secret : spec.secrets) {
    for (const EnvironmentVariable& variable : spec.environment) {
      if (variable.name != secret.text) continue;
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("{}: {} is a secret and stands in `environment` too", secret.place,
                              secret.text));
    }
  }
  return {};
}

}  // namespace

Result<void> read_function(const Reader& reader, const toml::table& table, SettingsOf where,
                           FunctionSpec& spec) {
  static const std::vector<FunctionRow> kAll = [] {
    std::vector<FunctionRow> all(kManifestRows.begin(), kManifestRows.end());
    all.insert(all.end(), kRows.begin(), kRows.end());
    return all;
  }();
  const bool own_file = where == SettingsOf::kOwnFile;
  const std::span<const FunctionRow> rows =
      own_file ? std::span<const FunctionRow>(kRows) : std::span<const FunctionRow>(kAll);
  const KeyHelp help{.section = {},
                     .later = kLaterKeys,
                     .diagnose = own_file ? &diagnose_own_file : &diagnose_in_manifest};
  if (auto read = read_table(reader, table, rows, help, spec); !read) return read;
  if (auto checked = check_instances(reader, table, spec); !checked) return checked;
  return check_secrets(spec);
}

std::span<const SettingInfo> function_settings() {
  static const std::vector<SettingInfo> settings = infos_of<FunctionSpec>(kRows);
  return settings;
}

std::span<const SettingInfo> manifest_function_settings() {
  static const std::vector<SettingInfo> settings = infos_of<FunctionSpec>(kManifestRows);
  return settings;
}

Result<FunctionSpec> parse_function_settings(std::string_view text, std::string_view filename,
                                             FunctionSpec defaults) {
  const auto table = parse_toml(text, filename);
  if (!table) return fail(table.error());
  auto read = read_function({filename}, *table, SettingsOf::kOwnFile, defaults);
  if (!read) return fail(std::move(read.error()));
  return defaults;
}

}  // namespace godwit::manifest
