// Function: one loaded version of a function, as the data plane sees it: what is configured, the
// module, the gate that counts its runs. Immutable, shared by all workers; a reload makes a new
// one and hands the gate on, so that the concurrency limit holds across versions.
#pragma once

#include <memory>

#include "capability/grants.h"
#include "engine/engine.h"
#include "manifest/function_spec.h"
#include "runtime/admission.h"
#include "wasm/contract.h"
#include "wasm/module_info.h"

namespace godwit::runtime {

struct Function {
  manifest::FunctionSpec spec;
  std::shared_ptr<const engine::Module> module;
  wasm::Contract contract = wasm::Contract::kCommand;
  wasm::ModuleKind kind = wasm::ModuleKind::kCore;  // of `module`
  std::shared_ptr<FunctionGate> gate;
  std::shared_ptr<const capability::Grants> grants;  // null: nothing is granted
};

}  // namespace godwit::runtime
