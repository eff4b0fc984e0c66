// Scripts inside WebAssembly modules: the binary format, as far as the fake engine needs it.
// Internal to src/engines/fake; script_module() itself is in fake_engine.h.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace godwit::engines::fake {

// Starts as a binary module (version 1) does.
bool is_wasm(ByteSpan bytes);
// The script that script_module() put in; nothing when there is none or a section is broken.
std::optional<std::string_view> script_section(ByteSpan module);

}  // namespace godwit::engines::fake
