#include "cli/provided_imports.h"

#include <algorithm>
#include <vector>

#include "wasi/interfaces.h"
#include "wasi/preview1.h"

namespace godwit::cli {

const wasm::Provided& provided_imports() {
  static const std::vector<wasm::ProvidedImport> kFunctions = [] {
    std::vector<wasm::ProvidedImport> provided;
    for (const engine::HostFunction& function : wasi::host_functions()) {
      provided.push_back({function.module, function.name});
    }
    return provided;
  }();
  static const wasm::Provided kProvided{kFunctions, wasi::interfaces()};
  return kProvided;
}

bool is_provided(const wasm::Import& import) {
  const auto provided = provided_imports().functions;
  return import.kind == wasm::ExternKind::kFunction &&
         std::any_of(provided.begin(), provided.end(), [&](const wasm::ProvidedImport& each) {
           return each.module == import.module && each.name == import.name;
         });
}

bool is_provided(const wasm::ComponentExtern& import) {
  const auto interfaces = provided_imports().interfaces;
  return std::any_of(interfaces.begin(), interfaces.end(),
                     [&](std::string_view track) { return wasm::is_of_track(import.name, track); });
}

}  // namespace godwit::cli
