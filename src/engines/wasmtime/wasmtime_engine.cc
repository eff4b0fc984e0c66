#include "engines/wasmtime/wasmtime_engine.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engines/wasmtime/bridge_bytes.h"
#include "engines/wasmtime/component_calls.h"
#include "engines/wasmtime/epoch_ticker.h"
#include "engines/wasmtime/generations.h"

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
static_assert(static_cast<int>(engine::Progress::kRested) ==
              static_cast<int>(bridge::GodwitProgress::Rested));
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
  WasmtimeInstance(bridge::GodwitInstance* instance, EpochTicker& ticker,
                   std::shared_ptr<EpochTicker::Lane> lane)
      : instance_(instance), ticker_(ticker), lane_(std::move(lane)) {}
  ~WasmtimeInstance() override { bridge::godwit_instance_free(instance_); }
  WasmtimeInstance(const WasmtimeInstance&) = delete;
  WasmtimeInstance& operator=(const WasmtimeInstance&) = delete;

  engine::Progress resume() override {
    CHECK(!done_ && !shed_);
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

  bool shed(std::uint64_t bytes) override {
    shed_ = true;
    return bridge::godwit_instance_shed(instance_, bytes);
  }

 private:
  bridge::GodwitInstance* const instance_;
  EpochTicker& ticker_;
  const std::shared_ptr<EpochTicker::Lane> lane_;
  bool done_ = false;
  bool shed_ = false;
  bool outcome_taken_ = false;
};

struct FreeModule {
  void operator()(bridge::GodwitModule* module) const { bridge::godwit_module_free(module); }
};
using BridgeModule = std::unique_ptr<bridge::GodwitModule, FreeModule>;

// Compiled and refused all the same: it is no proposal that is off but what a sandbox holds.
// Wasmtime has said which bound; here is what to do (the catalogue's advice is for proposals).
std::string bound_hint(std::string_view detail) {
  const auto says = [&](std::string_view text) { return detail.find(text) != detail.npos; };
  if (says("core module instances")) {
    return "A sandbox holds 64 core instances. Compose the component of fewer parts, or link "
           "libraries into the module instead of beside it.";
  }
  if (says("memories")) {
    return "A sandbox holds as many memories as the message says. Compose the component of fewer "
           "parts, or let its modules share a memory.";
  }
  if (says("tables")) {
    return "A sandbox holds as many tables as the message says. Compose the component of fewer "
           "parts, or link its modules into one.";
  }
  if (says("core module from outside")) {
    return "Compose it with the core module that it takes (`wasm-tools compose`), so that nothing "
           "is left to be handed in.";
  }
  return "It has more functions, globals or imports than a sandbox holds. Make it smaller, or "
         "split "
         "it into several functions.";
}

Result<BridgeModule> load_in(bridge::GodwitEngine* engine, const engine::Artifact& artifact,
                             const engine::LoadOptions& options) {
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
      bridge::godwit_module_load(engine, artifact.code.get(), artifact.size, functions.data(),
                                 functions.size(), &call_host, limits, &module, error.receive());
  if (status == GodwitStatus::UnsupportedFeature) {
    const std::string detail = error.text();
    return fail(ErrorCode::kUnsupportedFeature, detail, bound_hint(detail));
  }
  if (status != GodwitStatus::Ok) return bridge_failure(status, error);
  return BridgeModule(module);
}

class WasmtimeModule final : public engine::Module {
 public:
  WasmtimeModule(BridgeModule module, engine::Artifact artifact, const engine::LoadOptions& options,
                 EpochTicker& ticker)
      : artifact_(std::move(artifact)),
        options_(options),
        ticker_(ticker),
        places_(bridge::godwit_module_places(module.get())),
        module_(module.release()) {}
  ~WasmtimeModule() override { BridgeModule(module_.load(std::memory_order_relaxed)); }
  WasmtimeModule(const WasmtimeModule&) = delete;
  WasmtimeModule& operator=(const WasmtimeModule&) = delete;

  Result<std::unique_ptr<engine::Instance>> instantiate(
      const engine::InstantiateOptions& options) const override {
    const bridge::GodwitMemoryAccount account{
        .context = options.memory, .charge = &charge, .release = &release};
    bridge::GodwitInstance* instance = nullptr;
    BridgeBytes error;
    auto lane = ticker_.lane();
    // Between enter and leave the module that is read here is not freed (replace()).
    ticker_.enter(*lane);
    const GodwitStatus status = bridge::godwit_instance_new(
        module_.load(std::memory_order_seq_cst), options.state,
        options.component != nullptr ? &component_host() : nullptr, options.component,
        options.memory != nullptr ? &account : nullptr, to_bridge(options.entry), options.keep,
        &instance, error.receive());
    ticker_.leave(*lane);
    if (status != GodwitStatus::Ok) return bridge_failure(status, error);
    return std::make_unique<WasmtimeInstance>(instance, ticker_, std::move(lane));
  }

  std::uint32_t places() const override { return places_; }

  Result<BridgeModule> load_again(bridge::GodwitEngine* engine) const {
    return load_in(engine, artifact_, options_);
  }
  // Later instances are of `next`. What was before may be freed after wait_for_passages().
  BridgeModule replace(BridgeModule next) const {
    return BridgeModule(module_.exchange(next.release(), std::memory_order_seq_cst));
  }

 private:
  const engine::Artifact artifact_;
  const engine::LoadOptions options_;
  EpochTicker& ticker_;
  const std::uint32_t places_;
  mutable std::atomic<bridge::GodwitModule*> module_;
};

class WasmtimeEngine final : public engine::Engine {
 public:
  WasmtimeEngine(const bridge::GodwitEngineConfig& config, Generation first,
                 std::chrono::microseconds slice)
      : config_(config), generations_(std::move(first)) {
    const BridgeBytes identity(bridge::godwit_engine_fingerprint(generations_.current().get()));
    const Digest digest = sha256(identity.span());
    fingerprint_ = "wasmtime-" + to_hex(digest);
    if (config.pooled) {
      ticker_ = std::make_unique<EpochTicker>([this] { generations_.tick(); }, slice);
    }
  }

  std::string_view name() const override { return "wasmtime"; }
  const std::string& fingerprint() const override { return fingerprint_; }

  Result<Bytes> compile(ByteSpan wasm) const override {
    BridgeBytes out;
    const GodwitStatus status =
        bridge::godwit_engine_compile(generations_.current().get(), to_bridge(wasm), out.receive());
    if (status != GodwitStatus::Ok) return bridge_failure(status, out);
    return out.copy();
  }

  Result<std::shared_ptr<const engine::Module>> load(
      engine::Artifact artifact, const engine::LoadOptions& options) const override {
    if (!ticker_) return fail(ErrorCode::kInternal, "a compiler engine does not load modules");
    // Several at once, but none while a trim loads all of them again.
    const std::shared_lock lock(trimming_);
    auto loaded = load_in(generations_.current().get(), artifact, options);
    if (!loaded) return fail(std::move(loaded.error()));
    auto module = std::make_shared<const WasmtimeModule>(*std::move(loaded), std::move(artifact),
                                                         options, *ticker_);
    const std::lock_guard modules_lock(modules_mutex_);
    std::erase_if(modules_, [](const auto& each) { return each.expired(); });
    modules_.push_back(module);
    return module;
  }

  void prepare_thread() const override {
    bridge::godwit_thread_prepare();
    if (ticker_) ticker_->lane();
  }

  std::uint64_t idle_bytes() const override {
    if (!ticker_) return 0;
    generations_.reap();
    return generations_.idle_bytes();
  }

  std::uint64_t trim() const override;

 private:
  using Modules = std::vector<std::shared_ptr<const WasmtimeModule>>;

  Modules modules() const {
    const std::lock_guard lock(modules_mutex_);
    Modules alive;
    for (const auto& each : modules_) {
      if (auto module = each.lock()) alive.push_back(std::move(module));
    }
    return alive;
  }

  const bridge::GodwitEngineConfig config_;
  mutable Generations generations_;
  std::string fingerprint_;
  mutable std::shared_mutex trimming_;
  mutable std::mutex modules_mutex_;
  mutable std::vector<std::weak_ptr<const WasmtimeModule>> modules_;
  // The last member: its thread uses the others.
  std::unique_ptr<EpochTicker> ticker_;
};

// Generations that may have instances left when a trim begins: each holds address space, and
// mappings, of which a process has 65,530.
constexpr std::size_t kMostRetired = 1;
// How long a trim waits for the instances of before: most runs end within that.
constexpr std::chrono::milliseconds kPatience{20};

std::uint64_t WasmtimeEngine::trim() const {
  if (!ticker_) return 0;
  const std::lock_guard lock(trimming_);
  if (generations_.reap() > kMostRetired) return 0;
  const std::uint64_t idle_bytes = generations_.idle_bytes();
  if (idle_bytes == 0) return 0;
  auto next = new_generation(config_);
  if (!next) return 0;
  // All of them are there before any is used: what fails midway changes nothing.
  const Modules alive = modules();
  std::vector<BridgeModule> loaded;
  for (const auto& module : alive) {
    auto again = module->load_again(next->get());
    if (!again) return 0;
    loaded.push_back(*std::move(again));
  }
  generations_.replace(*std::move(next));
  for (std::size_t index = 0; index < alive.size(); ++index) {
    loaded[index] = alive[index]->replace(std::move(loaded[index]));
  }
  ticker_->wait_for_passages();
  loaded.clear();
  generations_.retire(config_.instances);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (generations_.reap() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(EpochTicker::kPeriod);
  }
  return idle_bytes;
}

}  // namespace

Result<std::unique_ptr<engine::Engine>> create_engine(const WasmtimeOptions& options) {
  const bridge::GodwitEngineConfig config{
      .pooled = options.role == Role::kRuntime,
      .parallel_compilation = options.parallel_compilation,
      .instances = options.instances,
      .host_stack_bytes = options.host_stack_bytes,
      .memory_keep_resident_bytes = options.memory_keep_resident_bytes,
      .table_keep_resident_bytes = options.table_keep_resident_bytes};
  auto first = new_generation(config);
  if (!first) return fail(std::move(first.error()));
  return std::make_unique<WasmtimeEngine>(config, *std::move(first), options.slice);
}

}  // namespace godwit::engines::wasmtime
