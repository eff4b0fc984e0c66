// SyscallFilter: which system calls a process may still make, as a list of what is allowed.
//
//   auto filter = SyscallFilter::make({.allowed = names, .allowed_if = rules, .attacks = worst});
//   auto done = filter->install(FilterThreads::kAll);      // needs no-new-privileges; for good
//
// Three answers to what is not allowed: a call that only an attacker would make ends the process
// (attacks); one that this program was written before, and those in `absent`, do not exist
// (ENOSYS, so that a library takes the older way); all others fail with EPERM.
//
// A value: made once, installed by any process, also by children of the one that made it.
// profiles.h has the lists. Compiled by libseccomp, which only this folder names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <linux/filter.h>

#include "base/error.h"

namespace godwit::confinement {

// (argument & mask) == value.
struct ArgumentTest {
  unsigned index = 0;
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
};
// As a `value`: the process that installs the filter.
inline constexpr std::uint64_t kOwnProcess = 0x7A5EED01;
inline constexpr std::uint64_t kWhole = ~std::uint64_t{0};
inline constexpr std::uint64_t kLow32 = 0xFFFFFFFF;

// Allowed when all tests hold; several rules for one call: when one of them does.
struct ConditionalCall {
  std::string_view name;
  std::vector<ArgumentTest> tests;
};

enum class FilterDefault : std::uint8_t { kDeny, kAllow };

// Names that this architecture has not are passed over.
struct FilterRules {
  std::span<const std::string_view> allowed;
  std::span<const ConditionalCall> allowed_if;
  std::span<const std::string_view> attacks;
  std::span<const std::string_view> absent;
  std::span<const std::string_view> denied;    // for a second filter that allows the rest
  std::span<const ConditionalCall> denied_if;  // likewise
  FilterDefault otherwise = FilterDefault::kDeny;
};

enum class FilterThreads : std::uint8_t { kCaller, kAll };

class SyscallFilter final {
 public:
  // Errors: kConfinementMissing.
  static Result<SyscallFilter> make(const FilterRules& rules);

  // REQUIRES: no-new-privileges. Errors: kConfinementMissing.
  Result<void> install(FilterThreads threads) const;
  std::size_t instructions() const { return program_.size(); }

 private:
  explicit SyscallFilter(std::vector<sock_filter> program) : program_(std::move(program)) {}

  std::vector<sock_filter> program_;
};

// Does the kernel take filters?
bool has_seccomp();
// Is it a call's name on this architecture?
bool is_system_call(std::string_view name);

}  // namespace godwit::confinement
