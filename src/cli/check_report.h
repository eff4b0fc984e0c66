// What `godwit check` found out about one file, as text for people and as JSON.
//
//   print(check_text(report));
//
// Pure functions. Names out of the module are escaped.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/json_output.h"
#include "manifest/function_spec.h"
#include "manifest/manifest.h"
#include "wasm/contract.h"
#include "wasm/module_info.h"

namespace godwit::cli {

struct CheckReport {
  std::string file;
  std::uint64_t size_bytes = 0;
  bool is_text = false;
  std::string settings_path;
  manifest::FunctionSpec spec;
  bool servable_name = true;
  std::optional<wasm::ModuleInfo> info;                // nothing: it could not be read
  std::optional<wasm::Contract> contract;              // of an accepted one
  std::optional<Error> refusal;                        // nothing: it would be accepted
  std::shared_ptr<const manifest::Manifest> manifest;  // null: there is no godwit.toml
};

std::string check_text(const CheckReport& report);
Json check_json(const CheckReport& report);

}  // namespace godwit::cli
