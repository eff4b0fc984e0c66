#include "cli/provided_imports.h"

#include <algorithm>
#include <vector>

#include "wasi/preview1.h"

namespace godwit::cli {

std::span<const wasm::ProvidedImport> provided_imports() {
  static const std::vector<wasm::ProvidedImport> kProvided = [] {
    std::vector<wasm::ProvidedImport> provided;
    for (const engine::HostFunction& function : wasi::host_functions()) {
      provided.push_back({function.module, function.name});
    }
    return provided;
  }();
  return kProvided;
}

bool is_provided(const wasm::Import& import) {
  const auto provided = provided_imports();
  return import.kind == wasm::ExternKind::kFunction &&
         std::any_of(provided.begin(), provided.end(), [&](const wasm::ProvidedImport& each) {
           return each.module == import.module && each.name == import.name;
         });
}

}  // namespace godwit::cli
