#include "engine/conformance.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

namespace godwit::engine::conformance {
namespace {

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF32 = ValueType::kF32;
constexpr ValueType kF64 = ValueType::kF64;
constexpr std::array kOneI32{kI32};
constexpr std::array kOneI64{kI64};
constexpr std::array kOneF32{kF32};
constexpr std::array kOneF64{kF64};
constexpr std::array kTwoI32{kI32, kI32};
constexpr std::array kThreeI32{kI32, kI32, kI32};
constexpr std::array kMixed{kI32, kI64, kF32, kF64};
constexpr std::array kNine{kI32, kI32, kI32, kI32, kI32, kI64, kI64, kI32, kI32};

template <class To, class From>
To bits_of(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

HostStatus note(HostCall& call) noexcept {
  call.state<TestState>().notes.push_back(call.u32(0));
  return HostStatus::kDone;
}

HostStatus exit_with(HostCall& call) noexcept {
  call.exit_code = static_cast<std::int32_t>(call.u32(0));
  return HostStatus::kExit;
}

HostStatus refuse(HostCall& call) noexcept {
  call.trap_message = "refused by the test";
  return HostStatus::kTrap;
}

// Pending until TestState::ready allows it; the result is twice the argument.
HostStatus wait(HostCall& call) noexcept {
  auto& state = call.state<TestState>();
  ++state.wait_calls;
  if (state.ready == 0) return HostStatus::kPending;
  --state.ready;
  call.result.u32 = call.u32(0) * 2;
  return HostStatus::kDone;
}

HostStatus wait_then_exit(HostCall& call) noexcept {
  auto& state = call.state<TestState>();
  ++state.wait_calls;
  if (state.ready == 0) return HostStatus::kPending;
  return exit_with(call);
}

HostStatus echo_32(HostCall& call) noexcept {
  call.result.u32 = call.u32(0);
  return HostStatus::kDone;
}

HostStatus echo_64(HostCall& call) noexcept {
  call.result.u64 = call.u64(0);
  return HostStatus::kDone;
}

HostStatus mixed(HostCall& call) noexcept {
  auto& notes = call.state<TestState>().notes;
  notes.insert(notes.end(), {call.u32(0), call.u64(1), call.u32(2), call.u64(3)});
  call.result.u64 = call.u32(0) + call.u64(1);
  return HostStatus::kDone;
}

HostStatus nine(HostCall& call) noexcept {
  auto& state = call.state<TestState>();
  ++state.wait_calls;
  if (state.ready == 0) return HostStatus::kPending;
  --state.ready;
  for (std::size_t index = 0; index < kNine.size(); ++index) {
    state.notes.push_back(kNine[index] == kI64 ? call.u64(index) : call.u32(index));
  }
  call.result.u32 = 9;
  return HostStatus::kDone;
}

// (address, length) -> 1 when the range is inside the memory; its bytes go to TestState::text.
HostStatus read(HostCall& call) noexcept {
  const auto slice = call.memory().slice(call.u32(0), call.u32(1));
  call.result.u32 = slice ? 1 : 0;
  if (!slice) return HostStatus::kDone;
  std::string bytes(slice->size(), '\0');
  slice->copy_to(std::as_writable_bytes(std::span(bytes)));
  call.state<TestState>().text += bytes;
  return HostStatus::kDone;
}

// (address, length, byte) -> 1 when the range was inside the memory and has been filled.
HostStatus write(HostCall& call) noexcept {
  const auto slice = call.memory().slice(call.u32(0), call.u32(1));
  call.result.u32 = slice ? 1 : 0;
  if (!slice) return HostStatus::kDone;
  const std::string bytes(slice->size(), static_cast<char>(call.u32(2)));
  slice->copy_from(std::as_bytes(std::span(bytes)));
  return HostStatus::kDone;
}

HostStatus memory_size(HostCall& call) noexcept {
  call.result.u32 = static_cast<std::uint32_t>(call.memory().size());
  return HostStatus::kDone;
}

// Uses as much stack as the most careless host function may.
HostStatus deep(HostCall& call) noexcept {
  volatile char stack[64 << 10];
  for (std::size_t index = 0; index < sizeof stack; index += 512) stack[index] = 1;
  auto& notes = call.state<TestState>().notes;
  if (notes.empty()) notes.push_back(0);
  notes[0] += static_cast<std::uint64_t>(stack[512]);
  return HostStatus::kDone;
}

constexpr std::array kFunctions{
    HostFunction{"test", "note", kOneI32, {}, false, &note},
    HostFunction{"test", "exit", kOneI32, {}, false, &exit_with},
    HostFunction{"test", "refuse", {}, {}, false, &refuse},
    HostFunction{"test", "wait", kOneI32, kOneI32, true, &wait},
    HostFunction{"test", "wait_then_exit", kOneI32, {}, true, &wait_then_exit},
    HostFunction{"test", "echo_i32", kOneI32, kOneI32, false, &echo_32},
    HostFunction{"test", "echo_i64", kOneI64, kOneI64, false, &echo_64},
    HostFunction{"test", "echo_f32", kOneF32, kOneF32, false, &echo_32},
    HostFunction{"test", "echo_f64", kOneF64, kOneF64, false, &echo_64},
    HostFunction{"test", "wait_i64", kOneI64, kOneI64, true, &echo_64},
    HostFunction{"test", "wait_f32", kOneF32, kOneF32, true, &echo_32},
    HostFunction{"test", "wait_f64", kOneF64, kOneF64, true, &echo_64},
    HostFunction{"test", "mixed", kMixed, kOneI64, false, &mixed},
    HostFunction{"test", "nine", kNine, kOneI32, true, &nine},
    HostFunction{"test", "read", kTwoI32, kOneI32, false, &read},
    HostFunction{"test", "write", kThreeI32, kOneI32, false, &write},
    HostFunction{"test", "memory_size", {}, kOneI32, false, &memory_size},
    HostFunction{"test", "deep", {}, {}, false, &deep},
};

}  // namespace

bool CountingAccount::charge(std::uint64_t bytes) noexcept {
  charged_nothing |= bytes == 0;
  if (bytes > most || held() > most - bytes) {
    ++refusals;
    return false;
  }
  charged += bytes;
  return true;
}

void CountingAccount::release(std::uint64_t bytes) noexcept {
  charged_nothing |= bytes == 0;
  released_too_much |= bytes > held();
  released += bytes;
  ++releases;
}

std::span<const HostFunction> host_functions() { return kFunctions; }

Artifact seal(ByteSpan code) {
  Fd fd(memfd_create("godwit-artifact", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK(fd.valid(), errno_text());
  std::size_t written = 0;
  while (written < code.size()) {
    const ssize_t count = ::write(fd.get(), code.data() + written, code.size() - written);
    CHECK(count > 0, errno_text());
    written += static_cast<std::size_t>(count);
  }
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  CHECK(fcntl(fd.get(), F_ADD_SEALS, seals) == 0, errno_text());
  return {.code = std::move(fd), .size = code.size()};
}

Result<std::shared_ptr<const Module>> Harness::load_text(std::string_view, const LoadOptions&) {
  return fail(ErrorCode::kUnsupportedFeature, "this engine loads scenarios only");
}

Result<Bytes> Harness::compile_text(std::string_view) {
  return fail(ErrorCode::kUnsupportedFeature, "this engine loads scenarios only");
}

Result<Bytes> CompilingHarness::compile_text(std::string_view text) {
  const Result<Bytes> binary = text_to_binary_(text);
  if (!binary) return fail(binary.error());
  return engine_->compile(*binary);
}

Result<std::shared_ptr<const Module>> CompilingHarness::load_text(std::string_view text,
                                                                  const LoadOptions& options) {
  const Result<Bytes> code = compile_text(text);
  if (!code) return fail(code.error());
  return engine_->load(seal(*code), options);
}

std::string harness_name(const testing::TestParamInfo<HarnessFactory>& info) {
  return info.param.name;
}

Progress resume_through_slices(Instance& instance) {
  for (int slices = 0; slices < 100'000; ++slices) {
    const Progress progress = instance.resume();
    if (progress != Progress::kYielded) return progress;
  }
  ADD_FAILURE() << "the guest does not come to an end";
  return Progress::kYielded;
}

Outcome run_to_end(Instance& instance) {
  const Progress progress = resume_through_slices(instance);
  EXPECT_EQ(progress, Progress::kDone);
  return progress == Progress::kDone ? instance.take_outcome()
                                     : Outcome{.kind = OutcomeKind::kCancelled};
}

void EngineConformance::SetUp() {
  harness_ = GetParam().make();
  ASSERT_NE(harness_, nullptr);
  harness_->engine().prepare_thread();
}

std::shared_ptr<const Module> EngineConformance::load(std::string_view name, Limits limits) {
  auto module = harness_->scenario(name, {.host_functions = host_functions(), .limits = limits});
  CHECK(module.has_value(), name, module.error().text());
  return *std::move(module);
}

Error EngineConformance::load_error(std::string_view name, Limits limits) {
  const auto module =
      harness_->scenario(name, {.host_functions = host_functions(), .limits = limits});
  CHECK(!module.has_value(), name);
  return module.error();
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string line;
  while (std::getline(file, line)) {
    unsigned long long kilobytes = 0;
    if (std::sscanf(line.c_str(), "Rss: %llu", &kilobytes) == 1) return kilobytes * 1024;
  }
  ADD_FAILURE() << "no Rss in smaps_rollup";
  return 0;
}

std::unique_ptr<Instance> EngineConformance::start(const Module& module, std::string_view entry) {
  auto instance = module.instantiate({.state = &state_, .entry = entry});
  CHECK(instance.has_value(), instance.error().text());
  return *std::move(instance);
}

std::unique_ptr<Instance> EngineConformance::start_paid(const Module& module,
                                                        MemoryAccount& account) {
  auto instance = module.instantiate({.state = &state_, .memory = &account});
  CHECK(instance.has_value(), instance.error().text());
  return *std::move(instance);
}

Outcome EngineConformance::run(std::string_view name, Limits limits) {
  const std::shared_ptr<const Module> module = load(name, limits);
  const std::unique_ptr<Instance> instance = start(*module);
  return run_to_end(*instance);
}

}  // namespace godwit::engine::conformance
