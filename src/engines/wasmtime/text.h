// WebAssembly text to binary and back (crates wast and wasmprinter, through the bridge). Pure
// functions; both are bounded against hostile input, in depth and in what they produce.
//
//   const Result<Bytes> module = text_to_binary("(module (func (export \"_start\")))");
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace godwit::engines::wasmtime {

// Errors: kTextMalformed; the detail starts with "LINE:COLUMN: ", counted from 1.
Result<Bytes> text_to_binary(std::string_view text);

// A module or a component. Errors: kModuleMalformed.
Result<std::string> binary_to_text(ByteSpan wasm);

}  // namespace godwit::engines::wasmtime
