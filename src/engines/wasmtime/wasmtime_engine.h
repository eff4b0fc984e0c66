// The default engine: Wasmtime, through the Rust bridge (bridge/README.md). No Wasmtime type
// appears here; engine/engine.h says what an engine does.
//
//   Result<std::unique_ptr<engine::Engine>> engine = create_engine({.role = Role::kRuntime});
//   engine->get()->prepare_thread();                  // in each worker
//   auto module = engine->get()->load(std::move(artifact), {host_functions, limits});
//
// Thread-safety: as engine::Engine says. The engine must outlive its modules and instances (its
// clock ends their time slices). A runtime engine reserves about 4 GiB of address space per
// sandbox (no memory) and installs Wasmtime's signal handlers for SIGSEGV, SIGILL, SIGFPE.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "engine/engine.h"

namespace godwit::engines::wasmtime {

enum class Role : std::uint8_t {
  kRuntime,   // loads and runs; compiles too (tests, `godwit run`)
  kCompiler,  // compiles only; reserves no address space, has no thread of its own: for the child
};

struct WasmtimeOptions {
#ifdef GODWIT_SANITIZED
  static constexpr std::size_t kHostStackBytes = std::size_t{1} << 20;
#else
  static constexpr std::size_t kHostStackBytes = std::size_t{256} << 10;
#endif
  // Measured (bench/README.md): two pages hold what C programs and small guests touch, without a
  // page fault. Rust's shadow stack of 1 MiB would need 18, but clearing all of that at every run
  // costs more (22 µs) than the four page faults that it saves (19 µs); for Go and Zig the
  // difference is larger still, and idle sandboxes would keep ten times the memory.
  static constexpr std::size_t kMemoryKeepResidentBytes = std::size_t{2} << 16;

  Role role = Role::kRuntime;
  // Sandboxes that may exist at once; one more is kServerOverloaded.
  std::uint32_t instances = 2048;
  // How long a guest runs before others have their turn (Progress::kYielded). Tests shorten it.
  std::chrono::microseconds slice = std::chrono::milliseconds(1);
  // Fiber stack for host functions; the guest's 512 KiB come on top.
  std::size_t host_stack_bytes = kHostStackBytes;
  // Each memory's first bytes are reset by copying and stay resident after a run; the rest is given
  // back. The most that idle sandboxes keep is this times the most sandboxes that ever ran at once.
  std::size_t memory_keep_resident_bytes = kMemoryKeepResidentBytes;
  std::size_t table_keep_resident_bytes = std::size_t{64} << 10;
  // Threads beside the caller's while compiling: faster for large modules, but the child process
  // then competes with the server on every core.
  bool parallel_compilation = false;
};

// Errors: kSystemCall when the address space or the stacks cannot be reserved.
Result<std::unique_ptr<engine::Engine>> create_engine(const WasmtimeOptions& options);

}  // namespace godwit::engines::wasmtime
