// Loader: from the bytes of a file to something that can be run: what is it, does it fit a
// contract, is it compiled already, else compile it (in another process), then let the engine load
// it under the function's limits.
//
//   registry::Loader loader({.engine = engine, .host_functions = wasi::host_functions(),
//                            .cache = &cache, .compiler = service.get()});
//   auto loaded = loader.load(spec, bytes);
//   if (!loaded) return fail(std::move(loaded.error()));   // E2xxx: why it can't be served
//   loaded->module->instantiate(…);
//
// Thread-safe; blocks (disk, compilation): for control-plane threads. What it refers to must
// outlive it and every module that it loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "engine/engine.h"
#include "manifest/function_spec.h"
#include "registry/artifact_cache.h"
#include "registry/compile_service.h"
#include "wasm/contract.h"
#include "wasm/module_info.h"

namespace godwit::registry {

enum class CacheUse : std::uint8_t {
  kNone,     // no cache was given
  kHit,      // nothing was compiled
  kMiss,     // compiled and stored
  kInvalid,  // an entry did not match; it was compiled again (worth a line in the log)
};

struct LoadedFunction {
  std::shared_ptr<const engine::Module> module;
  std::shared_ptr<const wasm::ModuleInfo> info;
  wasm::Contract contract = wasm::Contract::kCommand;
  Digest digest{};  // SHA-256 of the bytes of the file
  CacheUse cache = CacheUse::kNone;
  std::chrono::nanoseconds compile_time{0};  // zero on a hit
  std::chrono::nanoseconds total_time{0};
  std::string cache_problem;  // why the cache could not be used, for the log; empty: no problem
};

struct LoaderOptions {
  const engine::Engine& engine;
  std::span<const engine::HostFunction> host_functions;
  std::span<const std::string_view> interfaces;  // of components: wasm::Provided
  const ArtifactCache* cache = nullptr;          // nullptr: compiled code is kept in memory only
  Compiler* compiler = nullptr;                  // required
  std::uint64_t module_bytes_max = std::uint64_t{64} << 20;
};

class Loader final {
 public:
  explicit Loader(const LoaderOptions& options);

  // Errors: kModuleTooLarge, kModuleMalformed, kTextMalformed, kUnknownImport, kNoContract,
  // kNoMemoryExport, kMemoryMinimum, kImportSignature, kConfigBadValue (a setting that the module's
  // contract has no use for), and the compiler's.
  // `compile_cpu_max` can only lower what a compilation is given in general.
  Result<LoadedFunction> load(
      const manifest::FunctionSpec& spec, ByteSpan bytes,
      std::chrono::seconds compile_cpu_max = std::chrono::seconds::max()) const;

 private:
  struct Compiled;
  // Does it fit a contract and the limits: from the binary module alone.
  Result<void> inspect(const manifest::FunctionSpec& spec, ByteSpan wasm,
                       LoadedFunction& loaded) const;
  Result<Compiled> obtain(ByteSpan bytes, std::chrono::seconds cpu_max,
                          LoadedFunction& loaded) const;
  Result<Compiled> compile(ByteSpan bytes, std::chrono::seconds cpu_max,
                           LoadedFunction& loaded) const;
  Result<void> link(const manifest::FunctionSpec& spec, Compiled compiled,
                    LoadedFunction& loaded) const;

  LoaderOptions options_;
  std::vector<wasm::ProvidedImport> provided_;
};

}  // namespace godwit::registry
