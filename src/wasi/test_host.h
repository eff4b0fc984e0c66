// TestHost: one invocation for the tests of this folder: a guest memory of exactly so many bytes
// (on the heap, so that AddressSanitizer sees any step beyond it), capabilities moved by hand, and
// host functions called by name through the table, as an engine calls them.
//
//   TestHost host;
//   host.put(0, Iovec{0x100, 5});
//   EXPECT_EQ(host.call("fd_write", {1, 0, 1, 0x20}), Errno::kSuccess);
#pragma once

#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "capability/manual.h"
#include "wasi/preview1.h"

namespace godwit::wasi {

inline void PrintTo(Errno error, std::ostream* out) { *out << "errno " << static_cast<int>(error); }

inline constexpr std::uint64_t kNoPointer = 0xFFFF'FFFF;

class TestHost {
 public:
  static constexpr std::size_t kOutputLimit = 64;

  explicit TestHost(std::size_t memory_bytes = 4096, StringList environment_list = {},
                    StringList argument_list = {}, Devices devices = Devices::kNone,
                    std::vector<capability::FileGrant> granted = {})
      : environment(std::move(environment_list)),
        arguments(std::move(argument_list)),
        files(std::move(granted)),
        memory_(std::make_unique<std::byte[]>(memory_bytes)),
        memory_bytes_(memory_bytes) {
    wasi.emplace(Preview1::Options{.arguments = &arguments,
                                   .environment = &environment,
                                   .standard_input = &input,
                                   .standard_output = &output,
                                   .standard_error = &error_output,
                                   .clock = &clock,
                                   .random = &random,
                                   .timers = &timers,
                                   .waker = &waker,
                                   .devices = devices,
                                   .files = files,
                                   .blocking = &blocking});
  }

  std::size_t size() const { return memory_bytes_; }

  template <class T>
  void put(std::uint64_t address, const T& value) {
    ASSERT_LE(address + sizeof(T), memory_bytes_);
    std::memcpy(memory_.get() + address, &value, sizeof(T));
  }
  void put_text(std::uint64_t address, std::string_view text) {
    ASSERT_LE(address + text.size(), memory_bytes_);
    std::memcpy(memory_.get() + address, text.data(), text.size());
  }
  template <class T>
  T get(std::uint64_t address) const {
    T value{};
    EXPECT_LE(address + sizeof(T), memory_bytes_);
    if (address + sizeof(T) <= memory_bytes_) {
      std::memcpy(&value, memory_.get() + address, sizeof(T));
    }
    return value;
  }
  std::string text(std::uint64_t address, std::size_t length) const {
    EXPECT_LE(address + length, memory_bytes_);
    return {reinterpret_cast<const char*>(memory_.get()) + address, length};
  }
  // A string up to its NUL.
  std::string c_text(std::uint64_t address) const {
    return reinterpret_cast<const char*>(memory_.get()) + address;
  }

  // Calls a function of the table and keeps what it answered.
  engine::HostStatus call_any(const engine::HostFunction& function,
                              std::span<const std::uint64_t> arguments_given) {
    std::vector<engine::Value> values(arguments_given.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i].u64 = arguments_given[i];
    const engine::GuestMemory memory(memory_.get(), memory_bytes_);
    engine::HostCall raw(values, memory, *wasi);
    const engine::HostStatus status = function.call(raw);
    result = raw.result.u64;
    exit_code = raw.exit_code;
    trap_message = raw.trap_message;
    return status;
  }

  // Lets work happen that the last call waits for, and calls again, until it is done.
  engine::HostStatus finish(const engine::HostFunction& function,
                            std::span<const std::uint64_t> arguments_given) {
    engine::HostStatus status = engine::HostStatus::kPending;
    for (int i = 0; i < 1000 && status == engine::HostStatus::kPending; ++i) {
      blocking.finish();
      status = call_any(function, arguments_given);
    }
    return status;
  }

  // REQUIRES: the function exists and has that many parameters.
  engine::HostStatus start(std::string_view name,
                           std::initializer_list<std::uint64_t> arguments_given,
                           std::span<const engine::HostFunction> table = preview1_functions()) {
    for (const engine::HostFunction& function : table) {
      if (function.name != name) continue;
      EXPECT_EQ(function.parameters.size(), arguments_given.size()) << name;
      const engine::HostStatus status = call_any(
          function, std::vector<std::uint64_t>(arguments_given.begin(), arguments_given.end()));
      EXPECT_TRUE(function.may_wait || status != engine::HostStatus::kPending) << name;
      return status;
    }
    ADD_FAILURE() << "no function " << name;
    return engine::HostStatus::kTrap;
  }
  // The same for a call that must be done at once.
  Errno call(std::string_view name, std::initializer_list<std::uint64_t> arguments_given,
             std::span<const engine::HostFunction> table = preview1_functions()) {
    EXPECT_EQ(start(name, arguments_given, table), engine::HostStatus::kDone) << name;
    return static_cast<Errno>(result);
  }

  // Writes `text` to a descriptor through memory at 0x800; the text must fit there.
  Errno write(std::uint32_t fd, std::string_view text_given) {
    put_text(0x800, text_given);
    put(0x7F0, Iovec{0x800, static_cast<Size>(text_given.size())});
    return call("fd_write", {fd, 0x7F0, 1, 0x7E0});
  }

  StringList environment;
  StringList arguments;
  std::vector<capability::FileGrant> files;
  capability::ManualBlocking blocking;
  capability::ManualInput input;
  capability::StringOutput output{kOutputLimit};
  capability::StringOutput error_output{kOutputLimit};
  capability::ManualClock clock;
  capability::ManualTimers timers{clock};
  capability::CountingRandom random;
  capability::CountingWaker waker;
  std::optional<Preview1> wasi;

  std::uint64_t result = 0;
  std::int32_t exit_code = 0;
  std::string trap_message;

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t memory_bytes_;
};

}  // namespace godwit::wasi
