// What a component imports and exports at its outside: names and kinds. Private to src/wasm.
#pragma once

#include "wasm/module_info.h"
#include "wasm/reader.h"

namespace godwit::wasm {

// Reads the sections of a component, behind its header, into `info`. Problems are left in `in`:
// what is not understood is one.
void read_component(Reader& in, ModuleInfo& info);

}  // namespace godwit::wasm
