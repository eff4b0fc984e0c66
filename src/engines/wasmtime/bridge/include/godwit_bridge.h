// The C ABI of the Wasmtime bridge. Generated from src/abi.rs by tools/check_bridge_header.sh
// --write; do not edit. Include it in engines/wasmtime only.
// clang-format off

#pragma once

#include <cstddef>
#include <cstdint>

namespace godwit {
namespace bridge {

/// The values of engine::Progress.
enum class GodwitProgress : uint8_t {
  Done = 0,
  Yielded = 1,
  Waiting = 2,
};

/// How a call ended. The values are part of the C ABI.
enum class GodwitStatus : uint32_t {
  Ok = 0,
  /// Not a valid WebAssembly binary.
  Malformed = 1,
  /// Valid only with a proposal that is off, or beyond what the pool can hold.
  UnsupportedFeature = 2,
  CompileFailed = 3,
  /// The artifact was made by another engine, version, configuration or CPU, or is damaged.
  ArtifactInvalid = 4,
  UnknownImport = 5,
  ImportSignature = 6,
  /// Initial memories and tables exceed the limit.
  MemoryMinimum = 7,
  /// The pool of sandboxes is exhausted.
  Overloaded = 8,
  /// No exported function of that name and of type () -> ().
  NoEntry = 9,
  TextMalformed = 10,
  /// The platform refused, or a defect (a panic) was caught.
  Internal = 11,
};

/// An engine. Any thread may use it. godwit_engine_free.
struct GodwitEngine;

/// One sandbox and its run. For the thread that made it. godwit_instance_free.
struct GodwitInstance;

/// A loaded module. Any thread may use it. godwit_module_free.
struct GodwitModule;

/// Bytes that Rust owns; the receiver calls godwit_bytes_free once. `data` is null when `size` is 0.
struct GodwitBytes {
  uint8_t *data;
  uintptr_t size;
};

struct GodwitEngineConfig {
  /// True: runtime engine with a pool of sandboxes. False: compiler, which reserves nothing.
  bool pooled;
  /// Compile on several threads.
  bool parallel_compilation;
  /// Sandboxes at once; each reserves about 4 GiB of address space.
  uint32_t instances;
  /// Fiber stack for host functions, on top of the guest's 512 KiB.
  uintptr_t host_stack_bytes;
  /// Bytes of each memory (from its start) that are reset by copying and stay resident.
  uintptr_t memory_keep_resident_bytes;
  /// The same for each table.
  uintptr_t table_keep_resident_bytes;
};

/// Bytes that the caller owns.
struct GodwitSpan {
  const uint8_t *data;
  uintptr_t size;
};

/// One row of the table of host functions. Value types are numbered as engine::ValueType.
struct GodwitHostFunction {
  GodwitSpan module;
  GodwitSpan name;
  GodwitSpan parameters;
  /// None or one.
  GodwitSpan results;
  bool may_wait;
  /// Given to GodwitHostCall; outlives the module.
  const void *function;
};

/// What a host function that ended the guest says besides its status.
struct GodwitHostEnd {
  int32_t exit_code;
  /// Static text, NUL-terminated, or null.
  const char *trap_message;
};

/// Calls the host function that `function` stands for. `values` holds `argument_count` arguments
/// (16 bytes each, aligned to 8) and has room for one result, which is written to its first place.
/// `memory` and `memory_size` are valid only during this call. Never unwinds. Returns a
/// `HostStatus` of engine/host_function.h.
using GodwitHostCall = uint8_t(*)(const void *function, void *state, void *values, uintptr_t argument_count, uint8_t *memory, uintptr_t memory_size, GodwitHostEnd *end);

struct GodwitLimits {
  /// All memories and tables of an instance together.
  uint64_t memory_bytes;
  /// Of GodwitOutcome::detail.
  uintptr_t detail_bytes;
};

/// Who pays for the memories, tables and heaps of one instance (engine::MemoryAccount). Both are
/// called on the instance's thread and never unwind; `context` is handed to them.
struct GodwitMemoryAccount {
  void *context;
  /// False: the growth is refused.
  bool (*charge)(void *context, uint64_t bytes);
  void (*release)(void *context, uint64_t bytes);
};

/// How a run ended; the numbers are those of engine::OutcomeKind and engine::Trap.
struct GodwitOutcome {
  uint8_t kind;
  uint8_t trap;
  int32_t exit_code;
  /// UTF-8; godwit_bytes_free.
  GodwitBytes detail;
};

extern "C" {

/// Frees what another function handed out; once. `bytes` may be empty.
///
/// # Safety
/// `bytes` came from this library and has not been freed.
void godwit_bytes_free(GodwitBytes bytes);

/// Makes an engine (`*out`: godwit_engine_free). On failure `*error` is its text.
///
/// # Safety
/// All pointers are valid.
GodwitStatus godwit_engine_new(const GodwitEngineConfig *config,
                               GodwitEngine **out,
                               GodwitBytes *error);

/// Frees an engine. Its modules and instances may live on; their memory goes with the last of them.
///
/// # Safety
/// `engine` came from godwit_engine_new and is not used again.
void godwit_engine_free(GodwitEngine *engine);

/// What an artifact must match, to be hashed: Wasmtime's version, settings, CPU features; equal in
/// every process where they are. godwit_bytes_free.
///
/// # Safety
/// `engine` is valid.
GodwitBytes godwit_engine_fingerprint(const GodwitEngine *engine);

/// One tick of the clock that ends time slices.
///
/// # Safety
/// `engine` is valid.
void godwit_engine_increment_epoch(const GodwitEngine *engine);

/// Instances of the engine that exist now.
///
/// # Safety
/// `engine` is valid.
uint64_t godwit_engine_live_instances(const GodwitEngine *engine);

/// Bytes that unused sandboxes of the engine's pool keep resident; an estimate.
///
/// # Safety
/// `engine` is valid.
uint64_t godwit_engine_idle_bytes(const GodwitEngine *engine);

/// Gives back to the operating system what unused memories of the engine keep resident, save a few.
/// REQUIRES: nobody makes instances in it any more (those that exist may run on); `instances` is
/// what the engine was made with.
///
/// # Safety
/// `engine` is valid.
void godwit_engine_release_idle(const GodwitEngine *engine,
                                uint32_t instances);

/// Compiles a binary module. `*out` (godwit_bytes_free) is the artifact, or on failure the reason.
/// Malformed, UnsupportedFeature, CompileFailed, Internal.
///
/// # Safety
/// All pointers are valid.
GodwitStatus godwit_engine_compile(const GodwitEngine *engine,
                                   GodwitSpan wasm,
                                   GodwitBytes *out);

/// To be called once by a thread before it runs instances: makes what a thread needs (its signal
/// stack) at once instead of in the first run.
void godwit_thread_prepare();

/// Maps an artifact and resolves the module's imports. `*out`: godwit_module_free. On failure
/// `*error` is its text: ArtifactInvalid, UnknownImport, ImportSignature, MemoryMinimum,
/// UnsupportedFeature, Internal.
/// `fd` is borrowed (it is duplicated). It is an immutable file of exactly `size` bytes whose
/// content came from godwit_engine_compile and has been verified: IT WILL BE EXECUTED.
/// `functions` is read during the call; each row's `function` outlives the module.
///
/// # Safety
/// As above; all pointers are valid.
GodwitStatus godwit_module_load(const GodwitEngine *engine,
                                int32_t fd,
                                uint64_t size,
                                const GodwitHostFunction *functions,
                                uintptr_t function_count,
                                GodwitHostCall call,
                                GodwitLimits limits,
                                GodwitModule **out,
                                GodwitBytes *error);

/// Places of the engine's pool that an instance takes: its memories or its tables, at least one.
///
/// # Safety
/// `module` is valid.
uint32_t godwit_module_places(const GodwitModule *module);

/// Frees a module. Its instances may live on.
///
/// # Safety
/// `module` came from godwit_module_load and is not used again.
void godwit_module_free(GodwitModule *module);

/// Makes a fresh sandbox (`*out`: godwit_instance_free) for the exported function `entry` of type
/// () -> (). `host_state` is handed to host functions and outlives the instance; with null, any
/// host call traps. No instruction of the guest runs yet. `account` (copied; its context outlives
/// the instance) is charged with what the instance commits, null: nobody counts. What it was
/// charged with is released when the run is over (small ones), or with the instance. On failure `*error` is its text: Overloaded (also when
/// the account refuses what the instance begins with), NoEntry, Internal.
///
/// # Safety
/// All pointers are valid.
GodwitStatus godwit_instance_new(const GodwitModule *module,
                                 void *host_state,
                                 const GodwitMemoryAccount *account,
                                 GodwitSpan entry,
                                 GodwitInstance **out,
                                 GodwitBytes *error);

/// Runs the guest until it ends, waits, or its time slice is over. After Done a small sandbox (4 MiB)
/// has gone back to the pool.
///
/// # Safety
/// `instance` is valid and used by this thread alone.
GodwitProgress godwit_instance_resume(GodwitInstance *instance);

/// Gives back to the operating system about `bytes` of what the guest has in its memories, so that
/// godwit_instance_free is quick; false when nothing is left to give. The guest is never resumed
/// after this.
///
/// # Safety
/// `instance` is valid, used by this thread alone, and not inside a resume.
bool godwit_instance_shed(GodwitInstance *instance,
                          uint64_t bytes);

/// Moves the outcome to `*out` (its detail: godwit_bytes_free); once, after resume said Done.
///
/// # Safety
/// Both pointers are valid.
void godwit_instance_take_outcome(GodwitInstance *instance,
                                  GodwitOutcome *out);

/// Bytes of memories and tables that the guest has; the last figure once the run is over.
///
/// # Safety
/// `instance` is valid.
uint64_t godwit_instance_memory_bytes(const GodwitInstance *instance);

/// Ends the run, wherever it stands, and frees the sandbox. No instruction of the guest runs.
///
/// # Safety
/// `instance` came from godwit_instance_new, is not inside a resume, and is not used again.
void godwit_instance_free(GodwitInstance *instance);

/// WebAssembly text to binary. `*out` (godwit_bytes_free) is the binary, or on failure the reason,
/// which starts with "LINE:COLUMN: ". TextMalformed, Internal.
///
/// # Safety
/// All pointers are valid.
GodwitStatus godwit_text_to_binary(GodwitSpan text,
                                   GodwitBytes *out);

/// A binary module or component as text. `*out` (godwit_bytes_free) is the text (UTF-8), or on
/// failure the reason. Malformed, Internal.
///
/// # Safety
/// All pointers are valid.
GodwitStatus godwit_binary_to_text(GodwitSpan wasm,
                                   GodwitBytes *out);

} // extern "C"

} // namespace bridge
} // namespace godwit
