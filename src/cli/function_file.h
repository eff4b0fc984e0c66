// FunctionFile: one module named on the command line, with the settings that lie beside it, the
// way a served folder would read the two (`run`, `check`, `compile`).
//
//   auto file = read_function_file("shop/cart.wasm");
//   auto loaded = platform.loader().load(file->spec, file->bytes);
//
// A value. Reads files; safe from any thread.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "manifest/function_spec.h"

namespace godwit::cli {

inline constexpr std::uint64_t kMaxModuleBytes = std::uint64_t{64} << 20;

struct FunctionFile {
  Bytes bytes;
  manifest::FunctionSpec spec;
  std::string settings_path;   // "shop/cart.toml", empty where there is none
  bool servable_name = false;  // NAME.wasm or NAME.wat, NAME being a function's name
};

// `defaults` are of limits that the settings don't set. Errors: kFileUnreadable, kModuleTooLarge,
// and those of the settings.
Result<FunctionFile> read_function_file(const std::string& path,
                                        const manifest::Limits& defaults = {});

// "shop/cart.wasm" → "cart".
std::string function_name_of(const std::string& path);

}  // namespace godwit::cli
