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
  /// Of an instance that is kept: its request was answered, the next resume begins another.
  Rested = 3,
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

/// Bytes that the caller owns. `data` may be null when `size` is 0.
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

/// One header or trailer field.
struct GodwitField {
  GodwitSpan name;
  GodwitSpan value;
};

/// The head of a request. Of one that comes in, the spans stay until the instance is gone; of one
/// that goes out, for the call. A span whose data is null is absent.
struct GodwitRequestHead {
  GodwitSpan method;
  /// "http" or "https".
  GodwitSpan scheme;
  GodwitSpan authority;
  GodwitSpan path_with_query;
  const GodwitField *fields;
  uintptr_t field_count;
  /// Nanoseconds, of requests that go out; 0: none.
  uint64_t connect_timeout;
  uint64_t first_byte_timeout;
  uint64_t between_bytes_timeout;
};

/// What a component reaches of its invocation besides preview 1's functions (engine::ComponentHost,
/// which says what each does and when it wakes the instance). All are called on the instance's
/// thread with the context of godwit_instance_new and never unwind. Streams are numbered as there.
struct GodwitComponentHost {
  /// Nanoseconds of the guest's monotonic clock.
  uint64_t (*now)(void *context);
  void (*wait_until)(void *context, uint64_t deadline);
  /// 0: `*read` bytes, 1: the end, 2: nothing yet, 3: it failed.
  uint8_t (*read)(void *context, uint32_t stream, uint8_t *out, uintptr_t size, uintptr_t *read);
  /// True when a read would not say "nothing yet"; else the instance is woken when it would not.
  bool (*wait_readable)(void *context, uint32_t stream);
  /// How many bytes were taken.
  uintptr_t (*write)(void *context, uint32_t stream, const uint8_t *data, uintptr_t size);
  /// Room in bytes; 0: full, the instance is woken when it is not; SIZE_MAX: closed.
  uintptr_t (*wait_writable)(void *context, uint32_t stream);
  /// Why reading the stream failed: a number of capability::OutboundFailure.
  uint8_t (*failure)(void *context, uint32_t stream);
  /// The trailers of a stream that has been read to its end; false when there is no such one.
  bool (*trailer)(void *context, uint32_t stream, uintptr_t index, GodwitField *out);
  /// All was written. Trailers are refused (false) when they can't be sent.
  bool (*finish)(void *context, uint32_t stream, const GodwitField *trailers, uintptr_t count);
  /// What was written will never be whole.
  void (*abort)(void *context, uint32_t stream);
  /// What is configured for the function, one by one; false when there is no such one.
  bool (*configured)(void *context, uintptr_t index, GodwitField *out);
  /// False when the invocation has no request.
  bool (*request)(void *context, GodwitRequestHead *out);
  bool (*request_field)(void *context, uintptr_t index, GodwitField *out);
  /// False when the head can't be sent: too large, or not the first.
  bool (*respond)(void *context, uint16_t status, const GodwitField *fields, uintptr_t count);
  /// The guest answers its request with an error: its text, for the log.
  void (*respond_with_error)(void *context, GodwitSpan text);
  /// Begins a request. 255 and its number in `*call`, or why it was refused.
  uint8_t (*send)(void *context, const GodwitRequestHead *head, uint32_t *call);
  /// 0: pending, the instance is woken later; 1: the response is there, with `*status`; 2: it
  /// failed, with `*failure`.
  uint8_t (*wait_response)(void *context, uint32_t call, uint16_t *status, uint8_t *failure);
  bool (*response_field)(void *context, uint32_t call, uintptr_t index, GodwitField *out);
  /// Nobody is interested in the call any more.
  void (*drop_call)(void *context, uint32_t call);
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
/// () -> (), of a component for its "wasi:http/handler" or "wasi:cli/run" of any version.
/// `host_state` is handed to host functions and outlives the instance; with null, any
/// host call traps. `component_host` (static) and the context for it are what a component calls;
/// null for core modules. No instruction of the guest runs yet. `account` (copied; its context outlives
/// the instance) is charged with what the instance commits, null: nobody counts. What it was
/// charged with is released when the run is over (small ones), or with the instance. On failure `*error` is its text: Overloaded (also when
/// the account refuses what the instance begins with), NoEntry, Internal. `keep` (components only): a
/// request that ended well ends in Rested instead of Done, and the next resume begins another in
/// the same sandbox; `host_state` and the component's context then serve that one.
///
/// # Safety
/// All pointers are valid.
GodwitStatus godwit_instance_new(const GodwitModule *module,
                                 void *host_state,
                                 const GodwitComponentHost *component_host,
                                 void *component_context,
                                 const GodwitMemoryAccount *account,
                                 GodwitSpan entry,
                                 bool keep,
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
