// How the bridge calls an engine::ComponentHost: a table of C functions whose context is the host.
#pragma once

#include "godwit_bridge.h"

namespace godwit::engines::wasmtime {

const bridge::GodwitComponentHost& component_host();

}  // namespace godwit::engines::wasmtime
