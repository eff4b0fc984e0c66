#include "cli/compile_function.h"

#include "cli/provided_imports.h"
#include "engines/wasmtime/text.h"
#include "engines/wasmtime/wasmtime_engine.h"
#include "wasm/contract.h"
#include "wasm/module_info.h"

namespace godwit::cli {

Result<registry::CompileOutput> compile_function(ByteSpan input) {
  registry::CompileOutput output;
  ByteSpan wasm = input;
  if (wasm::looks_like_text(input)) {
    auto binary = engines::wasmtime::text_to_binary(as_text(input));
    if (!binary) return fail(std::move(binary.error()));
    output.wasm = std::move(*binary);
    wasm = output.wasm;
  }
  const auto info = wasm::read_module(wasm);
  if (!info) return fail(info.error());
  if (auto contract = wasm::classify(*info, provided_imports()); !contract) {
    return fail(std::move(contract.error()));
  }
  const auto engine =
      engines::wasmtime::create_engine({.role = engines::wasmtime::Role::kCompiler});
  if (!engine) return fail(engine.error());
  auto artifact = (*engine)->compile(wasm);
  if (!artifact) return fail(std::move(artifact.error()));
  output.artifact = std::move(*artifact);
  return output;
}

void prepare_compiler() {
  // Small, but through all of it: text, contract, engine, code.
  constexpr std::string_view kProgram = R"((module (memory (export "memory") 1)
    (func (export "_start") (i32.store (i32.const 0) (i32.load (i32.const 4))))))";
  [[maybe_unused]] const auto ignored = compile_function(as_bytes(kProgram));
}

}  // namespace godwit::cli
