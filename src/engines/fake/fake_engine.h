// FakeEngine: a second implementation of engine::Engine without WebAssembly. Its modules are
// scripts (script.h has the steps), its instances interpret them with a small memory of their own
// and call the real host functions. For tests of everything above the engine, and for running
// those under TSan, which cannot see into Wasmtime.
//
//   FakeEngine engine;
//   auto code = engine.compile(as_bytes("write 1 hello\nexit 3\n"));
//   auto module = engine.load(to_artifact(*code), {wasi::host_functions(), {}});
//   auto instance = (*module)->instantiate({.state = &wasi});
//   instance->resume();                                   // kDone; take_outcome() says exit 3
//
// Thread-safety and lifetimes as engine::Engine says; the engine may go before its modules.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace godwit::engines::fake {

class FakeEngine final : public engine::Engine {
 public:
  struct Options {
    std::uint32_t max_instances = 10'000;  // one more is kServerOverloaded
    std::string fingerprint = "fake 1";
  };

  FakeEngine() : FakeEngine(Options()) {}
  explicit FakeEngine(Options options);

  std::string_view name() const override { return "fake"; }
  const std::string& fingerprint() const override { return options_.fingerprint; }
  // `source` is a script, or a module made by script_module().
  Result<Bytes> compile(ByteSpan source) const override;
  // The steps' operands must fit the host functions' parameters (else kImportSignature).
  Result<std::shared_ptr<const engine::Module>> load(
      engine::Artifact artifact, const engine::LoadOptions& options) const override;

  // Instances that exist now, of all modules: a test's proof that nothing leaked.
  std::uint32_t live_instances() const { return pool_->live.load(std::memory_order_relaxed); }

  struct Pool {
    std::atomic<std::uint32_t> live{0};
    std::uint32_t max = 0;
  };

 private:
  Options options_;
  std::shared_ptr<Pool> pool_;
};

// A WebAssembly module that carries the script in a custom section, for what looks at modules
// before an engine does: exports `_start` and `memory`, imports nothing. Run by another engine it
// traps.
Bytes script_module(std::string_view script);

// Puts compiled code where load() expects it: a sealed memfd. For tests without the artifact cache.
engine::Artifact to_artifact(ByteSpan code);

}  // namespace godwit::engines::fake
