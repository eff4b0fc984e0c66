// The imports that Godwit provides, as wasm::classify() wants them. Safe from any thread.
//
//   auto contract = wasm::classify(info, provided_imports());
#pragma once

#include <span>

#include "wasm/contract.h"

namespace godwit::cli {

std::span<const wasm::ProvidedImport> provided_imports();
bool is_provided(const wasm::Import& import);

}  // namespace godwit::cli
