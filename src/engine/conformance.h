// The conformance suite: what every engine must do, as tests over engine/engine.h. An engine's
// test program links godwit_engine_conformance and names itself:
//
//   INSTANTIATE_TEST_SUITE_P(Wasmtime, EngineConformance, testing::Values(HarnessFactory{
//       "wasmtime", [] { return std::make_unique<CompilingHarness>(make_engine(), &to_binary); }}),
//       harness_name);
//
// The guests are scenarios, known by name; conformance_scenarios.cc says what each does. An engine
// that runs WebAssembly compiles their text (CompilingHarness); a scripted engine overrides
// Harness::scenario() and behaves as they do. What an engine cannot do at all it says in its
// Capabilities; the tests of it are then skipped, visibly. For tests only; single-threaded except
// where a test says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/error.h"
#include "engine/engine.h"

namespace godwit::engine {

// How GoogleTest prints them.
inline void PrintTo(OutcomeKind kind, std::ostream* out) { *out << static_cast<int>(kind); }
inline void PrintTo(Progress progress, std::ostream* out) { *out << static_cast<int>(progress); }
inline void PrintTo(Trap trap, std::ostream* out) { *out << trap_text(trap); }

}  // namespace godwit::engine

namespace godwit::engine::conformance {

struct Capabilities {
  bool executes_wasm = true;  // compiles text and binaries; WebAssembly's own traps, memory, tables
  bool time_slices = true;    // interrupts a guest that never calls the host (scenario "loop")
  bool exceptions = true;     // the exception proposal (exnref)
  bool several_memories = true;
  std::size_t most_instances = 640;  // at once; one more is kServerOverloaded. At least 640
};

// The state that the scenarios' host functions (module "test") work on.
struct TestState final : HostState {
  TestState() = default;
  std::vector<std::uint64_t> notes;  // what the guest told
  std::string text;                  // what host functions read from its memory
  int wait_calls = 0;                // of test.wait, repeated calls included
  int ready = 0;                     // so many calls of test.wait succeed; the next is pending
};

// An account that takes notes. It belongs to one thread.
struct CountingAccount final : MemoryAccount {
  explicit CountingAccount(std::uint64_t most_bytes = UINT64_MAX) : most(most_bytes) {}

  std::uint64_t most;  // charges beyond it are refused
  std::uint64_t charged = 0;
  std::uint64_t released = 0;
  int releases = 0;
  int refusals = 0;
  bool charged_nothing = false;  // a charge or release of 0 bytes
  bool released_too_much = false;

  std::uint64_t held() const { return charged - released; }

  bool charge(std::uint64_t bytes) noexcept override;
  void release(std::uint64_t bytes) noexcept override;
};

// test.note, test.exit, …: conformance.cc. Static.
std::span<const HostFunction> host_functions();

// The WebAssembly text of a scenario; fails the test when there is none of that name.
std::string_view scenario_text(std::string_view name);

// A sealed memfd that holds `code`.
Artifact seal(ByteSpan code);

class Harness {
 public:
  virtual ~Harness() = default;
  virtual const Engine& engine() const = 0;
  virtual Capabilities capabilities() const { return {}; }
  virtual Result<std::shared_ptr<const Module>> scenario(std::string_view name,
                                                         const LoadOptions& options) = 0;
  // Only asked for where executes_wasm.
  virtual Result<std::shared_ptr<const Module>> load_text(std::string_view text,
                                                          const LoadOptions& options);
  virtual Result<Bytes> compile_text(std::string_view text);
};

using TextToBinary = std::function<Result<Bytes>(std::string_view text)>;

// For engines that compile.
class CompilingHarness : public Harness {
 public:
  CompilingHarness(std::unique_ptr<Engine> engine, TextToBinary text_to_binary)
      : engine_(std::move(engine)), text_to_binary_(std::move(text_to_binary)) {}

  const Engine& engine() const override { return *engine_; }
  Result<std::shared_ptr<const Module>> scenario(std::string_view name,
                                                 const LoadOptions& options) override {
    return load_text(scenario_text(name), options);
  }
  Result<std::shared_ptr<const Module>> load_text(std::string_view text,
                                                  const LoadOptions& options) override;
  Result<Bytes> compile_text(std::string_view text) override;

 private:
  const std::unique_ptr<Engine> engine_;
  const TextToBinary text_to_binary_;
};

struct HarnessFactory {
  std::string name;
  std::function<std::unique_ptr<Harness>()> make;
};
inline void PrintTo(const HarnessFactory& factory, std::ostream* out) { *out << factory.name; }
std::string harness_name(const testing::TestParamInfo<HarnessFactory>& info);

// Resumes while the guest's slices end; returns how it stopped otherwise. Fails the test when the
// guest neither waits nor ends within 100,000 slices.
Progress resume_through_slices(Instance& instance);
// Resumes to the end; the guest must not wait.
Outcome run_to_end(Instance& instance);

// Of this process; exact, unlike /proc/self/status.
std::uint64_t resident_bytes();

class EngineConformance : public testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override;

  Harness& harness() { return *harness_; }
  Capabilities capabilities() { return harness_->capabilities(); }

  std::shared_ptr<const Module> load(std::string_view name, Limits limits = {});
  // A module that must be refused.
  Error load_error(std::string_view name, Limits limits = {});
  std::unique_ptr<Instance> start(const Module& module, std::string_view entry = "_start");
  std::unique_ptr<Instance> start_paid(const Module& module, MemoryAccount& account);
  // A fresh instance of a scenario, to its end. state() is what it did.
  Outcome run(std::string_view name, Limits limits = {});

  TestState& state() { return state_; }

 private:
  std::unique_ptr<Harness> harness_;
  TestState state_;
};

#define GODWIT_NEEDS(capability) \
  if (!capabilities().capability) GTEST_SKIP() << "the engine lacks: " #capability

}  // namespace godwit::engine::conformance
