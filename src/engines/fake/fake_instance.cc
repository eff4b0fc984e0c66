#include "engines/fake/fake_instance.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"

namespace godwit::engines::fake {
namespace {

// The scratch area; every address fits 32 bits.
constexpr std::uint64_t kScratch = 0xC000;
constexpr std::uint64_t kIovec = kScratch;                // 8 bytes
constexpr std::uint64_t kResult = kScratch + 0x08;        // 8 bytes
constexpr std::uint64_t kSubscription = kScratch + 0x10;  // 48 bytes
constexpr std::uint64_t kEvent = kScratch + 0x40;         // 32 bytes
constexpr std::uint64_t kData = kScratch + 0x100;
constexpr std::uint32_t kDataBytes = static_cast<std::uint32_t>(kPageBytes - kData);

// A guest that never calls out gives way after so many steps, as a time slice would make it.
constexpr int kStepsPerSlice = 1000;
constexpr Nanoseconds kSpinSlice = std::chrono::microseconds(500);

std::byte* zeroed(std::uint64_t size) {
  auto* const memory = static_cast<std::byte*>(std::calloc(size, 1));
  CHECK(memory != nullptr, size);
  return memory;
}

// For scripts that call nothing, or functions that have no state.
struct NoState final : engine::HostState {};

}  // namespace

const engine::HostFunction& Program::preview1(std::string_view name) const {
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const auto* function) {
    return function->name == name && function->module == "wasi_snapshot_preview1";
  });
  CHECK(found != functions.end(), name);
  return **found;
}

FakeInstance::FakeInstance(std::shared_ptr<const Program> program,
                           std::shared_ptr<FakeEngine::Pool> pool,
                           const engine::InstantiateOptions& options, std::size_t first_step)
    : program_(std::move(program)),
      pool_(std::move(pool)),
      state_(options.state),
      account_(options.memory),
      memory_(zeroed(program_->initial_bytes()), &std::free),
      memory_bytes_(program_->initial_bytes()),
      keep_(options.keep),
      first_step_(first_step),
      step_(first_step) {}

FakeInstance::~FakeInstance() {
  free_memory();
  pool_->live.fetch_sub(1, std::memory_order_relaxed);
}

engine::Progress FakeInstance::resume() {
  CHECK(!outcome_.has_value() && shed_bytes_ == 0);
  const std::vector<Step>& steps = program_->script.steps;
  for (int i = 0; i < kStepsPerSlice; ++i) {
    const Next next = step_ == steps.size() ? finish() : run_step(steps[step_]);
    switch (next) {
      case Next::kNextStep:
        ++step_;
        progress_ = 0;
        value_.reset();
        break;
      case Next::kSameStep: break;
      case Next::kYield: return engine::Progress::kYielded;
      case Next::kWait: return engine::Progress::kWaiting;
      case Next::kEnded: return engine::Progress::kDone;
      case Next::kRested: return engine::Progress::kRested;
    }
  }
  return engine::Progress::kYielded;
}

engine::Outcome FakeInstance::take_outcome() {
  CHECK(outcome_.has_value());
  return std::move(*outcome_);
}

FakeInstance::Next FakeInstance::finish() {
  if (!keep_) return end({});
  step_ = first_step_;
  progress_ = 0;
  value_.reset();
  repeats_.clear();
  growth_refused_ = false;
  return Next::kRested;
}

FakeInstance::Next FakeInstance::run_step(const Step& step) {
  switch (step.kind) {
    case StepKind::kWrite: return write_all(step.number, step.text);
    case StepKind::kFill: return fill(step);
    case StepKind::kEcho: return echo();
    case StepKind::kEnv: return variable(step.text);
    case StepKind::kArg: return argument(step.number);
    case StepKind::kSleep: return sleep(step.number);
    case StepKind::kYield: return progress_++ < step.number ? Next::kYield : Next::kNextStep;
    case StepKind::kWait: return Next::kWait;
    case StepKind::kSpin: return spin();
    case StepKind::kCall: return call_step(step);
    case StepKind::kReturn: return finish();
    case StepKind::kExpect: return check(step, result_);
    case StepKind::kExit: return exit(step.number);
    case StepKind::kTrap: return trap(step.trap, step.text);
    case StepKind::kGrow:
    case StepKind::kMustGrow:
    case StepKind::kData:
    case StepKind::kStore:
    case StepKind::kExpectMemory: return run_memory_step(step);
    case StepKind::kRepeat:
    case StepKind::kEnd: return run_loop_step(step);
  }
  return trap(engine::Trap::kOther, "unknown step");
}

FakeInstance::Next FakeInstance::run_memory_step(const Step& step) {
  if (step.kind == StepKind::kGrow || step.kind == StepKind::kMustGrow) {
    const std::uint64_t pages_before = memory_bytes_ / kPageBytes;
    const bool grown = grow(step.number);
    result_ = grown ? pages_before : UINT32_MAX;
    if (grown || step.kind == StepKind::kGrow) return Next::kNextStep;
    return trap(engine::Trap::kUnreachable, "");
  }
  if (step.kind == StepKind::kData) {
    if (step.text.size() > memory_bytes_ || step.number > memory_bytes_ - step.text.size()) {
      return trap(engine::Trap::kMemoryOutOfBounds, "");
    }
    std::memcpy(memory_.get() + step.number, step.text.data(), step.text.size());
    return Next::kNextStep;
  }
  if (step.kind == StepKind::kStore) {
    return store(step.number, step.value, step.width) ? Next::kNextStep
                                                      : trap(engine::Trap::kMemoryOutOfBounds, "");
  }
  const auto value = load(step.number, step.width);
  if (!value) return trap(engine::Trap::kMemoryOutOfBounds, "");
  return *value == step.value ? Next::kNextStep
                              : trap(engine::Trap::kUnreachable,
                                     fmt::format("line {}: expected {} at {}, found {}", step.line,
                                                 step.value, step.number, *value));
}

FakeInstance::Next FakeInstance::run_loop_step(const Step& step) {
  if (step.kind == StepKind::kRepeat) {
    if (step.number == 0) {
      step_ = step.other;
    } else {
      repeats_.push_back(step.number);
    }
    return Next::kNextStep;
  }
  if (--repeats_.back() == 0) {
    repeats_.pop_back();
  } else {
    step_ = step.other;
  }
  return Next::kNextStep;
}

// --- Steps over host functions ------------------------------------------------------------------

FakeInstance::Next FakeInstance::write_once(std::uint64_t fd, std::string_view text,
                                            std::uint32_t& written) {
  const auto size = std::min<std::size_t>(text.size(), kDataBytes);
  std::memcpy(memory_.get() + kData, text.data(), size);
  store(kIovec, kData, 4);
  store(kIovec + 4, size, 4);
  const Next next = call_or_trap("fd_write", {fd, kIovec, 1, kResult});
  if (next == Next::kNextStep) written = static_cast<std::uint32_t>(*load(kResult, 4));
  return next;
}

// `text` from progress_ on.
FakeInstance::Next FakeInstance::write_all(std::uint64_t fd, std::string_view text) {
  if (progress_ == text.size()) return Next::kNextStep;
  std::uint32_t written = 0;
  const Next next = write_once(fd, text.substr(progress_), written);
  if (next != Next::kNextStep) return next;
  progress_ += written;
  return Next::kSameStep;
}

FakeInstance::Next FakeInstance::fill(const Step& step) {
  if (progress_ == step.value) return Next::kNextStep;
  const std::string chunk(std::min<std::uint64_t>(step.value - progress_, kDataBytes),
                          step.text[0]);
  std::uint32_t written = 0;
  const Next next = write_once(step.number, chunk, written);
  if (next != Next::kNextStep) return next;
  progress_ += written;
  return Next::kSameStep;
}

// Reads a chunk, then writes it: echo_size_ is what was read, progress_ what was written of it.
FakeInstance::Next FakeInstance::echo() {
  if (progress_ == echo_size_) {
    store(kIovec, kData, 4);
    store(kIovec + 4, kDataBytes, 4);
    const Next next = call_or_trap("fd_read", {0, kIovec, 1, kResult});
    if (next != Next::kNextStep) return next;
    echo_size_ = static_cast<std::uint32_t>(*load(kResult, 4));
    progress_ = 0;
    return echo_size_ == 0 ? Next::kNextStep : Next::kSameStep;
  }
  store(kIovec, kData + progress_, 4);
  store(kIovec + 4, echo_size_ - progress_, 4);
  const Next next = call_or_trap("fd_write", {1, kIovec, 1, kResult});
  if (next != Next::kNextStep) return next;
  progress_ += *load(kResult, 4);
  return Next::kSameStep;
}

FakeInstance::Next FakeInstance::variable(std::string_view name) {
  if (!value_) {
    std::string block;
    const Next next = fetch_strings("environ_sizes_get", "environ_get", block);
    if (next != Next::kNextStep) return next;
    value_.emplace();
    for (std::string_view rest = block; !rest.empty();) {
      const std::string_view entry = rest.substr(0, rest.find('\0'));
      if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
        value_ = entry.substr(name.size() + 1);
        break;
      }
      rest.remove_prefix(entry.size() + 1);
    }
  }
  return write_all(1, *value_);
}

FakeInstance::Next FakeInstance::argument(std::uint64_t index) {
  if (!value_) {
    std::string block;
    const Next next = fetch_strings("args_sizes_get", "args_get", block);
    if (next != Next::kNextStep) return next;
    std::string_view rest = block;
    for (; index > 0 && !rest.empty(); --index) rest.remove_prefix(rest.find('\0') + 1);
    value_ = std::string(rest.substr(0, rest.find('\0')));
  }
  return write_all(1, *value_);
}

// The block of strings, through the guest's memory: the scratch area, or new pages when it is
// larger than that.
FakeInstance::Next FakeInstance::fetch_strings(std::string_view sizes_get, std::string_view get,
                                               std::string& block) {
  Next next = call_or_trap(sizes_get, {kResult, kResult + 4});
  if (next != Next::kNextStep) return next;
  const std::uint64_t pointers_size = *load(kResult, 4) * 4;
  const std::uint64_t block_size = *load(kResult + 4, 4);
  const std::uint64_t size = pointers_size + block_size;
  if (size > kDataBytes && size > strings_bytes_) {
    strings_ = memory_bytes_;
    if (!grow((size + kPageBytes - 1) / kPageBytes)) return trap(engine::Trap::kUnreachable, "");
    strings_bytes_ = memory_bytes_ - strings_;
  }
  const std::uint64_t area = size > kDataBytes ? strings_ : kData;
  next = call_or_trap(get, {area, area + pointers_size});
  if (next == Next::kNextStep) {
    block.assign(reinterpret_cast<const char*>(memory_.get() + area + pointers_size), block_size);
  }
  return next;
}

// One relative subscription of the monotonic clock (abi.h of src/wasi has the layout).
FakeInstance::Next FakeInstance::sleep(std::uint64_t milliseconds) {
  constexpr std::uint64_t kMonotonic = 1;
  std::memset(memory_.get() + kSubscription, 0, 48);
  store(kSubscription + 16, kMonotonic, 4);
  store(kSubscription + 24, milliseconds * 1'000'000, 8);
  return call_or_trap("poll_oneoff", {kSubscription, kEvent, 1, kResult});
}

FakeInstance::Next FakeInstance::exit(std::uint64_t code) {
  return call(program_->preview1("proc_exit"), std::array{code});
}

FakeInstance::Next FakeInstance::spin() {
  const TimePoint until = monotonic_now() + kSpinSlice;
  while (monotonic_now() < until) {
  }
  return Next::kYield;
}

FakeInstance::Next FakeInstance::call_or_trap(std::string_view name,
                                              std::initializer_list<std::uint64_t> arguments) {
  const Next next = call(program_->preview1(name), arguments);
  if (next != Next::kNextStep || result_ == 0) return next;
  return trap(engine::Trap::kUnreachable, fmt::format("{}: errno {}", name, result_));
}

FakeInstance::Next FakeInstance::call_step(const Step& step) {
  std::array<std::uint64_t, kMaxParameters> values{};
  for (std::size_t i = 0; i < step.arguments.size(); ++i) {
    values[i] = step.arguments[i].is_result ? result_ : step.arguments[i].number;
  }
  return call(*program_->functions[step.function], std::span(values).first(step.arguments.size()));
}

FakeInstance::Next FakeInstance::call(const engine::HostFunction& function,
                                      std::span<const std::uint64_t> arguments) {
  CHECK(arguments.size() == function.parameters.size(), function.name);
  std::array<engine::Value, kMaxParameters> values{};
  for (std::size_t i = 0; i < arguments.size(); ++i) values[i].u64 = arguments[i];
  NoState no_state;
  engine::HostState& state = state_ != nullptr ? *state_ : no_state;
  const engine::GuestMemory memory(memory_.get(), memory_bytes_);
  const std::span<const engine::Value> passed(values.data(), arguments.size());
  engine::HostCall host_call(passed, memory, state);
  switch (function.call(host_call)) {
    case engine::HostStatus::kDone:
      result_ = function.results.empty()                         ? 0
                : function.results[0] == engine::ValueType::kI32 ? host_call.result.u32
                                                                 : host_call.result.u64;
      return Next::kNextStep;
    case engine::HostStatus::kPending: CHECK(function.may_wait, function.name); return Next::kWait;
    case engine::HostStatus::kExit:
      return end({.kind = engine::OutcomeKind::kExited, .exit_code = host_call.exit_code});
    case engine::HostStatus::kTrap: return trap(engine::Trap::kHost, host_call.trap_message);
  }
  return trap(engine::Trap::kOther, "unknown host status");
}

// --- Memory and the end -------------------------------------------------------------------------

bool FakeInstance::grow(std::uint64_t pages) {
  const std::uint64_t limit =
      std::min(program_->limits.memory_bytes, Script::kMaxPages * kPageBytes);
  if (pages > limit / kPageBytes || memory_bytes_ + pages * kPageBytes > limit) {
    return refuse_growth();
  }
  if (pages == 0) return true;
  if (account_ != nullptr && !account_->charge(pages * kPageBytes)) return refuse_growth();
  const std::uint64_t size = memory_bytes_ + pages * kPageBytes;
  std::byte* const larger = zeroed(size);
  std::memcpy(larger, memory_.get(), memory_bytes_);
  memory_.reset(larger);
  memory_bytes_ = size;
  return true;
}

bool FakeInstance::refuse_growth() {
  growth_refused_ = true;
  return false;
}

bool FakeInstance::shed(std::uint64_t bytes) {
  shed_bytes_ += bytes;
  return memory_ != nullptr && shed_bytes_ < memory_bytes_;
}

void FakeInstance::free_memory() {
  memory_.reset();
  engine::MemoryAccount* const account = std::exchange(account_, nullptr);
  if (account != nullptr && memory_bytes_ > 0) account->release(memory_bytes_);
}

FakeInstance::Next FakeInstance::check(const Step& step, std::uint64_t actual) {
  if (actual == step.number) return Next::kNextStep;
  return trap(engine::Trap::kUnreachable,
              fmt::format("line {}: expected {}, found {}", step.line, step.number, actual));
}

FakeInstance::Next FakeInstance::trap(engine::Trap reason, const std::string& detail) {
  std::string text = engine::trap_text(reason);
  if (!detail.empty()) text += "\n  0: " + detail;
  return end({.kind = engine::OutcomeKind::kTrapped, .trap = reason, .detail = std::move(text)});
}

FakeInstance::Next FakeInstance::end(engine::Outcome outcome) {
  if (growth_refused_ && !outcome.success()) outcome.kind = engine::OutcomeKind::kOutOfMemory;
  if (outcome.detail.size() > program_->limits.detail_bytes) {
    outcome.detail.resize(program_->limits.detail_bytes);
  }
  outcome_ = std::move(outcome);
  if (memory_bytes_ <= engine::kSmallMemoryBytes) free_memory();
  return Next::kEnded;
}

bool FakeInstance::store(std::uint64_t address, std::uint64_t value, std::uint32_t width) {
  if (width > memory_bytes_ || address > memory_bytes_ - width) return false;
  std::memcpy(memory_.get() + address, &value, width);
  return true;
}

std::optional<std::uint64_t> FakeInstance::load(std::uint64_t address, std::uint32_t width) const {
  if (width > memory_bytes_ || address > memory_bytes_ - width) return {};
  std::uint64_t value = 0;
  std::memcpy(&value, memory_.get() + address, width);
  return value;
}

}  // namespace godwit::engines::fake
