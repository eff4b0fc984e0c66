// What the compile service does with one job, in its limited child process: text becomes binary,
// what can't be served is refused before any time goes into it, the rest is compiled.
//
//   return registry::compile_service_main({.compile = &compile_function,
//                                          .prepare = &prepare_compiler});
//
// The input is hostile; this may crash, hang or run out of memory without harm to anybody else.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "registry/compile_service.h"

namespace godwit::cli {

// Errors: kTextMalformed, what wasm::read_module and wasm::classify say, and the engine's.
Result<registry::CompileOutput> compile_function(ByteSpan input);
// Once in the service's process, for all its children: tables are made, libraries' configuration is
// read, pages are touched.
void prepare_compiler();

}  // namespace godwit::cli
