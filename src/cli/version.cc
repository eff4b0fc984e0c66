// `godwit version`: what this program is, its engine, and what modules may use.
#include <algorithm>

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/features.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/provided_imports.h"
#include "cli/verbs.h"
#include "engines/wasmtime/wasmtime_engine.h"

namespace godwit::cli {
namespace {

// The names of the modules that guests may import from.
std::vector<std::string_view> interfaces() {
  std::vector<std::string_view> names;
  for (const wasm::ProvidedImport& import : provided_imports().functions) {
    if (std::find(names.begin(), names.end(), import.module) == names.end()) {
      names.push_back(import.module);
    }
  }
  return names;
}

std::vector<std::string_view> contracts() {
  return {wasm::contract_text(wasm::Contract::kCommand),
          wasm::contract_text(wasm::Contract::kHttp)};
}

std::string joined(const std::vector<Feature>& features, bool supported) {
  std::string text;
  for (const Feature& feature : features) {
    if (feature.supported != supported) continue;
    if (!text.empty()) text += ", ";
    text += feature.name;
  }
  return text.empty() ? "none" : text;
}

void print_text(std::string_view engine, const std::vector<Feature>& features) {
  print(fmt::format("godwit {}\n", GODWIT_VERSION));
  print(row("engine", fmt::format("{} {}", engine, GODWIT_ENGINE_VERSION)));
  print(row("contracts", fmt::format("{}", fmt::join(contracts(), ", "))));
  print(row("interfaces", fmt::format("{}", fmt::join(interfaces(), ", "))));
  print(row("features", joined(features, true)));
  print(row("not supported", joined(features, false)));
}

void print_document(const engine::Engine& engine, const std::vector<Feature>& features) {
  Json supported = Json::object();
  for (const Feature& feature : features) supported[std::string(feature.name)] = feature.supported;
  print_json({{"version", GODWIT_VERSION},
              {"engine",
               {{"name", engine.name()},
                {"version", GODWIT_ENGINE_VERSION},
                {"fingerprint", engine.fingerprint()}}},
              {"contracts", contracts()},
              {"interfaces", interfaces()},
              {"features", supported}});
}

}  // namespace

int version_verb(Words words) {
  bool json = false;
  Arguments arguments({.verb = "version",
                       .usage = "[--json]",
                       .summary = "Tells the version, the engine's, and what modules may use.",
                       .example = "godwit version --json"});
  arguments.flag("--json", json, "print JSON");
  if (const auto exit = arguments.parse(words)) return *exit;
  const auto engine =
      engines::wasmtime::create_engine({.role = engines::wasmtime::Role::kCompiler});
  if (!engine) return fail_with(engine.error());
  const std::vector<Feature> features = probe_features(**engine);
  if (json) {
    print_document(**engine, features);
  } else {
    print_text((*engine)->name(), features);
  }
  return kExitSuccess;
}

}  // namespace godwit::cli
