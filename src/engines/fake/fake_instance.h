// FakeInstance: interprets a script, a step at a time, with a guest memory of its own. Internal to
// src/engines/fake.
//
// Steps that need host functions keep their buffers in the last 16 KiB of the memory's first page
// (kScratch); a script's own data goes below. A step that the host made wait is done again with the
// same arguments, as engine/host_function.h demands.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engines/fake/fake_engine.h"
#include "engines/fake/script.h"

namespace godwit::engines::fake {

inline constexpr std::uint64_t kPageBytes = 65536;
inline constexpr std::size_t kMaxParameters = 16;  // of a host function

// A loaded script: shared by its instances, never changed.
struct Program {
  Script script;
  std::vector<const engine::HostFunction*> functions;  // as script.functions
  engine::Limits limits;

  std::uint64_t initial_bytes() const { return script.pages * kPageBytes; }
  // The function of preview 1 that a step needs; load() has resolved it.
  const engine::HostFunction& preview1(std::string_view name) const;
};

class FakeInstance final : public engine::Instance {
 public:
  // REQUIRES: the options' account, if any, was charged with initial_bytes().
  FakeInstance(std::shared_ptr<const Program> program, std::shared_ptr<FakeEngine::Pool> pool,
               const engine::InstantiateOptions& options, std::size_t first_step);
  ~FakeInstance() override;

  engine::Progress resume() override;
  engine::Outcome take_outcome() override;
  std::uint64_t memory_bytes() const override { return memory_bytes_; }
  bool shed(std::uint64_t bytes) override;

 private:
  // What follows a step, or an attempt at it.
  enum class Next : std::uint8_t {
    kNextStep,
    kSameStep,  // it has more to do
    kYield,     // the same step after others have run
    kWait,      // the same step when woken
    kEnded,     // outcome_ is set
    kRested,    // at its beginning again
  };

  Next run_step(const Step& step);
  Next run_memory_step(const Step& step);
  Next run_loop_step(const Step& step);

  Next write_all(std::uint64_t fd, std::string_view text);
  Next write_once(std::uint64_t fd, std::string_view text, std::uint32_t& written);
  Next fill(const Step& step);
  Next echo();
  Next variable(std::string_view name);
  Next argument(std::uint64_t index);
  Next fetch_strings(std::string_view sizes_get, std::string_view get, std::string& block);
  Next sleep(std::uint64_t milliseconds);
  Next exit(std::uint64_t code);
  Next spin();

  Next call_step(const Step& step);
  // Calls a host function; its result is in result_. kNextStep: it returned.
  Next call(const engine::HostFunction& function, std::span<const std::uint64_t> arguments);
  // The same for one that returns an errno: anything but success traps.
  Next call_or_trap(std::string_view name, std::initializer_list<std::uint64_t> arguments);

  bool grow(std::uint64_t pages);
  bool refuse_growth();
  // The memory, and what it was charged with; once.
  void free_memory();
  Next trap(engine::Trap reason, const std::string& detail);
  Next end(engine::Outcome outcome);
  // The script's end: of an instance that is kept it begins again at the next resume().
  Next finish();
  Next check(const Step& step, std::uint64_t actual);
  // Stores and loads of the instance itself: false, and it has trapped, outside the memory.
  bool store(std::uint64_t address, std::uint64_t value, std::uint32_t width);
  std::optional<std::uint64_t> load(std::uint64_t address, std::uint32_t width) const;

  std::shared_ptr<const Program> program_;
  std::shared_ptr<FakeEngine::Pool> pool_;
  engine::HostState* state_;
  engine::MemoryAccount* account_;  // null: nobody counts
  // From calloc: large memories cost nothing until they are touched.
  std::unique_ptr<std::byte, decltype(&std::free)> memory_;
  std::uint64_t memory_bytes_;
  const bool keep_;
  const std::size_t first_step_;
  std::size_t step_ = 0;
  std::uint64_t progress_ = 0;          // within the step
  std::uint32_t echo_size_ = 0;         // bytes of the chunk that echo has read
  std::optional<std::string> value_;    // what env or arg is writing
  std::vector<std::uint64_t> repeats_;  // rounds left, innermost last
  std::uint64_t result_ = 0;            // of the last host call or growth
  std::uint64_t strings_ = 0;  // where strings are fetched to that outgrow the scratch area
  std::uint64_t strings_bytes_ = 0;
  bool growth_refused_ = false;
  std::uint64_t shed_bytes_ = 0;
  std::optional<engine::Outcome> outcome_;
};

}  // namespace godwit::engines::fake
