// What an engine must do. Engine, Module, Instance: compile in a child process, load what was
// compiled, run fresh instances. Knows no engine by name: Wasmtime is engines/wasmtime, a scripted
// fake for tests is engines/fake, and engine/conformance.h is the suite that every engine passes.
//
//   auto module = engine.load(std::move(*artifact), {host_functions, limits});
//   auto instance = (*module)->instantiate({.state = &wasi, .entry = "_start"});
//   while (true) {
//     switch (instance->resume()) {
//       case Progress::kDone: return instance->take_outcome();
//       case Progress::kYielded: continue;           // its time slice ended; others first
//       case Progress::kWaiting: wait_until_woken(); // a host function returned kPending
//     }
//   }
//
// Thread-safety: Engine and Module may be used from any thread at once. An Instance belongs to the
// thread that made it; destroying it at any moment cancels the guest and frees its sandbox.
// Lifetimes: an engine outlives its modules and instances; an instance may outlive its module.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"
#include "engine/component_host.h"
#include "engine/host_function.h"
#include "engine/outcome.h"

namespace godwit::engine {

// Enforced by the engine in every instance.
struct Limits {
  std::uint64_t memory_bytes = std::uint64_t{128} << 20;  // all linear memories and tables together
  std::size_t detail_bytes = 8192;                        // of Outcome::detail
};

// Compiled code, verified (registry/artifact_cache.h) and sealed: `code` is a memfd that can
// neither change nor shrink, holding exactly `size` bytes from offset 0.
struct Artifact {
  Fd code;
  std::uint64_t size = 0;
};

struct LoadOptions {
  // Imports are resolved against these only. Must outlive the module and its instances.
  std::span<const HostFunction> host_functions;
  Limits limits;
};

// Who pays for what instances commit: all linear memories and tables (and heaps of collected
// objects), as they are made and as they grow. Called on the instance's thread, within
// instantiate(), resume() and the destruction of the instance, so an account that only instances
// of one thread use needs no lock. Between the calls the sum of what was charged and not released
// is Instance::memory_bytes() of the runs that are not over.
class MemoryAccount {
 public:
  // May the guest have `bytes` more (never 0)? (First of all, where it is much: what the engine
  // needs for the instance itself; memory_bytes() does not count that.) A refused growth returns -1
  // to the guest, which fails as kOutOfMemory if it fails then; a refused beginning makes
  // instantiate() fail.
  virtual bool charge(std::uint64_t bytes) noexcept = 0;
  // Once all that is charged, when the sandbox is gone: after the run's end (within the resume()
  // that returns kDone, up to kSmallMemoryBytes) or with the instance, however it ends; within a
  // failing instantiate(). Before that a growth that was charged and that the operating system
  // then refused.
  virtual void release(std::uint64_t bytes) noexcept = 0;

 protected:
  ~MemoryAccount() = default;
};

// Entries of components, of any version.
inline constexpr std::string_view kHttpEntry = "wasi:http/handler";
inline constexpr std::string_view kCommandEntry = "wasi:cli/run";

struct InstantiateOptions {
  HostState* state = nullptr;  // used within resume() only; without it a host call traps
  // Of a core module an export of type () -> (); of a component kHttpEntry or kCommandEntry.
  std::string_view entry = "_start";
  ComponentHost* component = nullptr;  // as `state`, for components; must outlive the instance
  MemoryAccount* memory = nullptr;     // must outlive the instance; null: nobody counts
  // Components' kHttpEntry only: a request that ended well leaves the instance for another
  // (Progress::kRested).
  bool keep = false;
};

enum class Progress : std::uint8_t {
  kDone,     // take_outcome() tells how; the sandbox may be dropped
  kYielded,  // the time slice ended (at most about 1 ms of guest time); resume when others have run
  kWaiting,  // a host function returned kPending; resume after its wake-up
  // Of an instance that is kept: the request was answered. The next resume() begins another in the
  // same memory; what the component still holds of the one before leads nowhere.
  kRested,
};

// Sandboxes whose memory is no larger are freed within 0.3 ms; for others there is shed().
inline constexpr std::uint64_t kSmallMemoryBytes = std::uint64_t{4} << 20;

// One fresh sandbox and the run in it. No instruction of the guest runs before the first resume().
class Instance {
 public:
  virtual ~Instance() = default;
  // Runs the guest (start function first, then the entry) until it ends, waits or its slice is
  // over. REQUIRES: not called again after kDone.
  virtual Progress resume() = 0;
  // REQUIRES: resume() returned kDone.
  virtual Outcome take_outcome() = 0;
  // Bytes of linear memory and tables that the guest has now (peak, since memories never shrink).
  virtual std::uint64_t memory_bytes() const = 0;
  // Gives memory back to the operating system, about `bytes` of it, so that destroying the instance
  // is quick; false when there is nothing left to give. Instead of another resume(), or after the
  // end. It stays charged until the instance goes.
  virtual bool shed(std::uint64_t bytes) = 0;
};

class Module {
 public:
  virtual ~Module() = default;
  // Errors: kServerOverloaded when the engine's pool of sandboxes is exhausted or the account
  // refuses what the instance begins with, kNoContract when there is no such entry; never a guest's
  // failure (those come from resume(), also what goes wrong before the entry: a segment that does
  // not fit, a start function that traps). Cheap: microseconds.
  virtual Result<std::unique_ptr<Instance>> instantiate(
      const InstantiateOptions& options) const = 0;
  // Places that an instance takes of those that the engine has (as many as it has instances): the
  // number of its memories or tables where those are several.
  virtual std::uint32_t places() const { return 1; }
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  // Whatever an artifact must match to be loadable here: engine, version, settings, CPU features.
  virtual const std::string& fingerprint() const = 0;
  // Compiles a binary module. Called in the compile child only: it may take long and much memory.
  // Errors: kModuleMalformed, kUnsupportedFeature, kCompileFailed.
  virtual Result<Bytes> compile(ByteSpan wasm) const = 0;
  // Loads compiled code and resolves the imports once. Errors: kArtifactInvalid, kUnknownImport,
  // kImportSignature, kMemoryMinimum, kUnsupportedFeature (more memories or tables than a sandbox
  // has room for).
  virtual Result<std::shared_ptr<const Module>> load(Artifact artifact,
                                                     const LoadOptions& options) const = 0;
  // Called once by every thread that will run instances, before its first.
  virtual void prepare_thread() const {}
  // What unused sandboxes keep resident so that the next runs find it warm, in bytes; an estimate.
  // Cheap: for a look every second or so. (Also frees what a trim before could not.)
  virtual std::uint64_t idle_bytes() const { return 0; }
  // Gives that back to the operating system, for when a burst is over; returns how much, or 0 when
  // there was nothing, or it can't be done now. Changes nothing that a guest sees: instances that
  // exist go on (what is kept beside them goes when the last of them is gone), later ones start
  // cold. For the control plane: takes 10 to 50 milliseconds of CPU time (and 0.05 for each loaded
  // module, more for large ones), and makes other threads wait in load() only. Follow it with
  // malloc_trim(0), which is for what the instances had on the heap.
  virtual std::uint64_t trim() const { return 0; }
};

}  // namespace godwit::engine
