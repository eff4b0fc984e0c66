// `godwit check FILE…`: what a module is and whether it would be accepted. Nothing of it runs.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/check_report.h"
#include "cli/function_file.h"
#include "cli/output.h"
#include "cli/platform.h"
#include "cli/verbs.h"
#include "engines/wasmtime/text.h"

namespace godwit::cli {
namespace {

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

CheckReport check_file(const std::string& path, const registry::Loader& loader) {
  CheckReport report{.file = path};
  auto function = read_function_file(path);
  if (!function) {
    report.refusal = std::move(function.error());
    return report;
  }
  report.size_bytes = function->bytes.size();
  report.is_text = wasm::looks_like_text(function->bytes);
  report.settings_path = function->settings_path;
  report.spec = std::move(function->spec);
  report.servable_name = function->servable_name;
  if (auto info = read_info(function->bytes)) report.info = std::move(*info);
  auto loaded = loader.load(report.spec, function->bytes);
  if (loaded) {
    report.contract = loaded->contract;
  } else {
    report.refusal = std::move(loaded.error());
  }
  return report;
}

}  // namespace

int check_verb(Words words) {
  CheckOptions options;
  Arguments arguments({.verb = "check",
                       .usage = "FILE… [--json]",
                       .summary = "Tells what each module is, what it imports and exports, its\n"
                                  "effective limits, what it would need granted, and whether it\n"
                                  "would be accepted. It is compiled, but nothing of it runs.",
                       .example = "godwit check hello.wasm"});
  arguments.positional("FILE", options.files, "modules, binary or text", Presence::kRequired);
  arguments.option({"--state-dir", "DIR", "where compiled code is kept"}, options.state_dir);
  arguments.flag("--json", options.json, "print JSON");
  if (const auto exit = arguments.parse(words)) return *exit;
  const auto platform = Platform::create({.state_dir = options.state_dir, .instances = 1});
  if (!platform) return fail_with(platform.error());
  int code = kExitSuccess;
  Json documents = Json::array();
  for (const std::string& path : options.files) {
    const CheckReport report = check_file(path, (*platform)->loader());
    if (options.json) {
      documents.push_back(check_json(report));
    } else {
      print(check_text(report));
    }
    if (!report.refusal) continue;
    code = kExitFailed;
    if (!options.json) print_error(*report.refusal);
  }
  if (options.json) print_json(documents);
  return code;
}

}  // namespace godwit::cli
