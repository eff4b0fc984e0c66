#include "engines/wasmtime/wasmtime_engine.h"

#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engines/wasmtime/bridge_bytes.h"
#include "engines/wasmtime/epoch_ticker.h"

namespace godwit::engines::wasmtime {
namespace {

using bridge::GodwitStatus;

// The numbers cross the bridge as they are.
static_assert(static_cast<int>(engine::Progress::kDone) ==
              static_cast<int>(bridge::GodwitProgress::Done));
static_assert(static_cast<int>(engine::Progress::kYielded) ==
              static_cast<int>(bridge::GodwitProgress::Yielded));
static_assert(static_cast<int>(engine::Progress::kWaiting) ==
              static_cast<int>(bridge::GodwitProgress::Waiting));
static_assert(static_cast<int>(engine::OutcomeKind::kOutOfMemory) == 3);  // outcome.rs, Kind
static_assert(static_cast<int>(engine::Trap::kOther) == 12);              // outcome.rs, TrapKind
static_assert(static_cast<int>(engine::ValueType::kF64) == 3);            // abi.rs, value_type
static_assert(static_cast<int>(engine::HostStatus::kTrap) == 3);          // host.rs, invoke
// The bridge hands over arrays that are aligned to 8 bytes.
static_assert(alignof(engine::Value) <= 8);

// Every host function of every module is called through here, on the guest's fiber.
std::uint8_t call_host(const void* function, void* state, void* values,
                       std::uintptr_t argument_count, std::uint8_t* memory,
                       std::uintptr_t memory_size, bridge::GodwitHostEnd* end) noexcept {
  const auto& host_function = *static_cast<const engine::HostFunction*>(function);
  auto* const raw = static_cast<engine::Value*>(values);
  const engine::GuestMemory guest_memory(reinterpret_cast<std::byte*>(memory), memory_size);
  engine::HostCall call({raw, argument_count}, guest_memory,
                        *static_cast<engine::HostState*>(state));
  const engine::HostStatus status = host_function.call(call);
  switch (status) {
    case engine::HostStatus::kDone:
      if (!host_function.results.empty()) raw[0] = call.result;
      break;
    case engine::HostStatus::kPending: break;
    case engine::HostStatus::kExit: end->exit_code = call.exit_code; break;
    case engine::HostStatus::kTrap: end->trap_message = call.trap_message; break;
  }
  return static_cast<std::uint8_t>(status);
}

bool charge(void* account, std::uint64_t bytes) noexcept {
  return static_cast<engine::MemoryAccount*>(account)->charge(bytes);
}

void release(void* account, std::uint64_t bytes) noexcept {
  static_cast<engine::MemoryAccount*>(account)->release(bytes);
}

bridge::GodwitSpan type_span(std::span<const engine::ValueType> types) {
  static_assert(sizeof(engine::ValueType) == 1);
  return {reinterpret_cast<const std::uint8_t*>(types.data()), types.size()};
}

class WasmtimeInstance final : public engine::Instance {
 public:
  WasmtimeInstance(bridge::GodwitInstance* instance, EpochTicker& ticker)
      : instance_(instance), ticker_(ticker), lane_(ticker.lane()) {}
  ~WasmtimeInstance() override { bridge::godwit_instance_free(instance_); }
  WasmtimeInstance(const WasmtimeInstance&) = delete;
  WasmtimeInstance& operator=(const WasmtimeInstance&) = delete;

  engine::Progress resume() override {
    CHECK(!done_);
    ticker_.enter(*lane_);
    const auto progress = static_cast<engine::Progress>(bridge::godwit_instance_resume(instance_));
    ticker_.leave(*lane_);
    done_ = progress == engine::Progress::kDone;
    return progress;
  }

  engine::Outcome take_outcome() override {
    CHECK(done_ && !outcome_taken_);
    outcome_taken_ = true;
    bridge::GodwitOutcome raw{};
    bridge::godwit_instance_take_outcome(instance_, &raw);
    const BridgeBytes detail(raw.detail);
    return {.kind = static_cast<engine::OutcomeKind>(raw.kind),
            .trap = static_cast<engine::Trap>(raw.trap),
            .exit_code = raw.exit_code,
            .detail = detail.text()};
  }

  std::uint64_t memory_bytes() const override {
    return bridge::godwit_instance_memory_bytes(instance_);
  }

 private:
  bridge::GodwitInstance* const instance_;
  EpochTicker& ticker_;
  const std::shared_ptr<EpochTicker::Lane> lane_;
  bool done_ = false;
  bool outcome_taken_ = false;
};

class WasmtimeModule final : public engine::Module {
 public:
  WasmtimeModule(bridge::GodwitModule* module, EpochTicker& ticker)
      : module_(module), ticker_(ticker) {}
  ~WasmtimeModule() override { bridge::godwit_module_free(module_); }
  WasmtimeModule(const WasmtimeModule&) = delete;
  WasmtimeModule& operator=(const WasmtimeModule&) = delete;

  Result<std::unique_ptr<engine::Instance>> instantiate(
      const engine::InstantiateOptions& options) const override {
    const bridge::GodwitMemoryAccount account{
        .context = options.memory, .charge = &charge, .release = &release};
    bridge::GodwitInstance* instance = nullptr;
    BridgeBytes error;
    const GodwitStatus status = bridge::godwit_instance_new(
        module_, options.state, options.memory != nullptr ? &account : nullptr,
        to_bridge(options.entry), &instance, error.receive());
    if (status != GodwitStatus::Ok) return bridge_failure(status, error);
    return std::make_unique<WasmtimeInstance>(instance, ticker_);
  }

 private:
  bridge::GodwitModule* const module_;
  EpochTicker& ticker_;
};

class WasmtimeEngine final : public engine::Engine {
 public:
  WasmtimeEngine(bridge::GodwitEngine* engine, Role role) : engine_(engine) {
    const BridgeBytes identity(bridge::godwit_engine_fingerprint(engine));
    const Digest digest = sha256(identity.span());
    fingerprint_ = "wasmtime-" + to_hex(digest);
    if (role == Role::kRuntime) {
      ticker_ = std::make_unique<EpochTicker>(
          [engine] { bridge::godwit_engine_increment_epoch(engine); });
    }
  }
  ~WasmtimeEngine() override {
    ticker_.reset();
    bridge::godwit_engine_free(engine_);
  }
  WasmtimeEngine(const WasmtimeEngine&) = delete;
  WasmtimeEngine& operator=(const WasmtimeEngine&) = delete;

  std::string_view name() const override { return "wasmtime"; }
  const std::string& fingerprint() const override { return fingerprint_; }

  Result<Bytes> compile(ByteSpan wasm) const override {
    BridgeBytes out;
    const GodwitStatus status =
        bridge::godwit_engine_compile(engine_, to_bridge(wasm), out.receive());
    if (status != GodwitStatus::Ok) return bridge_failure(status, out);
    return out.copy();
  }

  Result<std::shared_ptr<const engine::Module>> load(
      engine::Artifact artifact, const engine::LoadOptions& options) const override {
    if (!ticker_) return fail(ErrorCode::kInternal, "a compiler engine does not load modules");
    std::vector<bridge::GodwitHostFunction> functions;
    functions.reserve(options.host_functions.size());
    for (const engine::HostFunction& function : options.host_functions) {
      functions.push_back({.module = to_bridge(function.module),
                           .name = to_bridge(function.name),
                           .parameters = type_span(function.parameters),
                           .results = type_span(function.results),
                           .may_wait = function.may_wait,
                           .function = &function});
    }
    const bridge::GodwitLimits limits{.memory_bytes = options.limits.memory_bytes,
                                      .detail_bytes = options.limits.detail_bytes};
    bridge::GodwitModule* module = nullptr;
    BridgeBytes error;
    const GodwitStatus status =
        bridge::godwit_module_load(engine_, artifact.code.get(), artifact.size, functions.data(),
                                   functions.size(), &call_host, limits, &module, error.receive());
    if (status != GodwitStatus::Ok) return bridge_failure(status, error);
    return std::make_shared<const WasmtimeModule>(module, *ticker_);
  }

  void prepare_thread() const override {
    bridge::godwit_thread_prepare();
    if (ticker_) ticker_->lane();
  }

 private:
  bridge::GodwitEngine* const engine_;
  std::string fingerprint_;
  std::unique_ptr<EpochTicker> ticker_;
};

}  // namespace

Result<std::unique_ptr<engine::Engine>> create_engine(const WasmtimeOptions& options) {
  const bridge::GodwitEngineConfig config{
      .pooled = options.role == Role::kRuntime,
      .parallel_compilation = options.parallel_compilation,
      .instances = options.instances,
      .host_stack_bytes = options.host_stack_bytes,
      .memory_keep_resident_bytes = options.memory_keep_resident_bytes,
      .table_keep_resident_bytes = options.table_keep_resident_bytes};
  bridge::GodwitEngine* engine = nullptr;
  BridgeBytes error;
  const GodwitStatus status = bridge::godwit_engine_new(&config, &engine, error.receive());
  if (status != GodwitStatus::Ok) return fail(ErrorCode::kSystemCall, error.text());
  return std::make_unique<WasmtimeEngine>(engine, options.role);
}

}  // namespace godwit::engines::wasmtime
