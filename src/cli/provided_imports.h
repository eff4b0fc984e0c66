// The imports that Godwit provides, as wasm::classify() wants them. Safe from any thread.
//
//   auto contract = wasm::classify(info, provided_imports());
#pragma once

#include "wasm/contract.h"

namespace godwit::cli {

const wasm::Provided& provided_imports();
bool is_provided(const wasm::Import& import);
bool is_provided(const wasm::ComponentExtern& import);

}  // namespace godwit::cli
