// `godwit check FILE…|godwit.toml|FOLDER`: what functions are, what they are granted, and whether
// they would be accepted. Nothing of them runs.
#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/arguments.h"
#include "cli/check_report.h"
#include "cli/function_file.h"
#include "cli/function_source.h"
#include "cli/operator_file.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "cli/serve_config.h"
#include "cli/verbs.h"
#include "engines/wasmtime/text.h"
#include "gateway/route_table.h"
#include "manifest/grant_rules.h"

namespace godwit::cli {
namespace {

using Reports = std::vector<CheckReport>;

struct CheckOptions {
  std::vector<std::string> files;
  std::string state_dir;
  bool json = false;
};

// What can be told of a module, even of one that would be refused.
Result<wasm::ModuleInfo> read_info(ByteSpan bytes) {
  if (!wasm::looks_like_text(bytes)) return wasm::read_module(bytes);
  const auto binary = engines::wasmtime::text_to_binary(as_text(bytes));
  if (!binary) return fail(binary.error());
  return wasm::read_module(*binary);
}

// Fills in what the module itself says, and whether all of it would be accepted.
void check_module(CheckReport& report, const Bytes& bytes, manifest::Origin origin,
                  const registry::Loader& loader) {
  report.size_bytes = bytes.size();
  report.is_text = wasm::looks_like_text(bytes);
  if (auto info = read_info(bytes)) report.info = std::move(*info);
  auto loaded = loader.load(report.spec, bytes);
  if (!loaded) {
    report.refusal = std::move(loaded.error());
    return;
  }
  report.contract = loaded->contract;
  auto routes = gateway::parse_routes(report.spec);
  auto allowed = manifest::check_grants(report.manifest.get(), report.spec, origin);
  if (!routes) {
    report.refusal = std::move(routes.error());
  } else if (!allowed) {
    report.refusal = std::move(allowed.error());
  }
}

// The operator's file that would count if the folder of this file were served.
Result<std::shared_ptr<const manifest::Manifest>> manifest_beside(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const auto file = OperatorFile::locate({.path = folder, .limits = {}});
  if (!file) return nullptr;  // then the module is not there either
  return file->read();
}

CheckReport check_file(const std::string& path, const registry::Loader& loader) {
  CheckReport report{.file = path};
  manifest::Limits limits;
  if (auto manifest = manifest_beside(path)) {
    report.manifest = std::move(*manifest);
  } else {
    report.refusal = std::move(manifest.error());
  }
  if (report.manifest != nullptr) {
    limits = manifest::bounded_limits(*report.manifest, function_name_of(path),
                                      report.manifest->server.limits);
  }
  auto function = read_function_file(path, limits);
  if (!function) report.refusal = std::move(function.error());
  if (report.refusal) return report;
  report.settings_path = function->settings_path;
  report.spec = std::move(function->spec);
  report.servable_name = function->servable_name;
  check_module(report, function->bytes,
               report.manifest == nullptr ? manifest::Origin::kOperator : manifest::Origin::kAsked,
               loader);
  return report;
}

CheckReport check_source(const SourcePlace& place, const FunctionSource& source,
                         const std::shared_ptr<const manifest::Manifest>& manifest,
                         const registry::Loader& loader) {
  const std::string folder = place.folder == nullptr ? "" : place.folder->path() + "/";
  CheckReport report{.file = source.configured ? place.file.resolve(source.path)
                                               : folder + source.path};
  report.manifest = manifest;
  report.spec.name = source.name;
  report.settings_path = source.configured              ? place.file.path()
                         : source.settings_path.empty() ? ""
                                                        : folder + source.settings_path;
  auto spec = read_spec(place, source);
  if (!spec) {
    report.refusal = std::move(spec.error());
    return report;
  }
  report.spec = std::move(*spec);
  const auto bytes = read_module(place, source);
  if (!bytes) {
    report.refusal = bytes.error();
    return report;
  }
  check_module(report, *bytes, source.origin, loader);
  return report;
}

// Who comes later is refused; `reports` are in the order of their rights.
void check_conflicts(Reports& reports) {
  std::vector<gateway::Route> routes;
  std::vector<CheckReport*> owners;
  for (CheckReport& report : reports) {
    auto patterns = gateway::parse_routes(report.spec);
    if (report.refusal || !patterns) continue;
    routes.push_back({.name = report.spec.name,
                      .patterns = std::move(*patterns),
                      .function = nullptr,
                      .unavailable = {}});
    owners.push_back(&report);
  }
  for (const gateway::RouteConflict& conflict : gateway::find_conflicts(routes)) {
    CheckReport& later = *owners[conflict.second.route];
    if (!later.refusal) later.refusal = conflict.error;
  }
}

// All functions that `godwit serve PATH` would serve.
Result<Reports> check_site(const std::string& path, const registry::Loader& loader) {
  const auto file = OperatorFile::locate({.path = path, .limits = {}});
  if (!file) return fail(file.error());
  const auto manifest = file->read();
  if (!manifest) return fail(manifest.error());
  if (auto config = serve_config({}, manifest->get(), *file); !config) {
    return fail(std::move(config.error()));
  }
  std::optional<registry::Folder> folder;
  if (const std::string served = file->functions_folder(manifest->get()); !served.empty()) {
    auto opened = registry::Folder::open(served, {});
    if (!opened) return fail(std::move(opened.error()));
    folder.emplace(std::move(*opened));
  }
  const SourcePlace place{.file = *file,
                          .manifest = manifest->get(),
                          .folder = folder ? &*folder : nullptr,
                          .default_limits = {}};
  const auto listing = list_sources(place);
  if (!listing) return fail(listing.error());
  Reports reports;
  for (const FunctionSource& source : listing->sources) {
    reports.push_back(check_source(place, source, *manifest, loader));
  }
  check_conflicts(reports);
  for (const registry::FolderProblem& problem : listing->problems) {
    reports.push_back({.file = place.folder->path() + "/" + problem.path,
                       .servable_name = false,
                       .refusal = problem.error});
  }
  return reports;
}

bool is_site(const std::string& path) {
  struct stat status{};
  return path.ends_with(".toml") || (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode));
}

Reports check_path(const std::string& path, const registry::Loader& loader) {
  if (!is_site(path)) return {check_file(path, loader)};
  auto reports = check_site(path, loader);
  if (reports) return std::move(*reports);
  return {{.file = path, .servable_name = false, .refusal = std::move(reports.error())}};
}

}  // namespace

int check_verb(Words words) {
  CheckOptions options;
  Arguments arguments({.verb = "check",
                       .usage = "FILE…|godwit.toml|FOLDER [--json]",
                       .summary = "Tells what each module is, what it imports and exports, its\n"
                                  "routes and effective limits, what it will be granted, and\n"
                                  "whether it would be accepted. It is compiled, but nothing of\n"
                                  "it runs, and no volume or secret is opened.",
                       .example = "godwit check hello.wasm\n"
                                  "godwit check site/godwit.toml"});
  arguments.positional("FILE", options.files,
                       "modules, binary or text; or all of a godwit.toml or\n"
                       "of a served folder",
                       Presence::kRequired);
  arguments.option({"--state-dir", "DIR", "where compiled code is kept"}, options.state_dir);
  arguments.flag("--json", options.json, "print JSON");
  if (const auto exit = arguments.parse(words)) return *exit;
  const auto platform = Platform::create({.state_dir = options.state_dir, .instances = 1});
  if (!platform) return fail_with(platform.error());
  int code = kExitSuccess;
  Json documents = Json::array();
  for (const std::string& path : options.files) {
    for (const CheckReport& report : check_path(path, (*platform)->loader())) {
      if (options.json) {
        documents.push_back(check_json(report));
      } else {
        print(check_text(report));
      }
      if (!report.refusal) continue;
      code = kExitFailed;
      if (!options.json) print_error(*report.refusal);
    }
  }
  if (options.json) print_json(documents);
  return code;
}

}  // namespace godwit::cli
