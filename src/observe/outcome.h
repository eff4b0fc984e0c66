// RequestOutcome: how a request ended, in a word: the closed set of values that the label `outcome`
// of the metrics has. Derived from the error catalogue, so that a new code has an outcome at once.
//
//   outcome_of(std::nullopt)              // kOk: the answer was delivered, whatever its status
//   outcome_of(ErrorCode::kCpuLimit)      // kTimeout
//   reject_reason(ErrorCode::kDraining)   // its place among reject_reasons(): "draining"
//
// Pure functions; nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace godwit::observe {

enum class RequestOutcome : std::uint8_t {
  kOk,
  kClientError,
  kFunctionError,
  kTimeout,
  kRejected,
  kUnavailable,
  kCancelled,
  kInternalError,
};
inline constexpr std::size_t kOutcomeCount = 8;

struct OutcomeInfo {
  RequestOutcome outcome;
  std::string_view label;  // "client_error"
  std::string_view meaning;
};
// In the order of the enumerators.
std::span<const OutcomeInfo, kOutcomeCount> all_outcomes();

// A row of the catalogue → its outcome. By phase and status, see the comment at the definition.
constexpr RequestOutcome classify(int number, int http_status) {
  constexpr int kClientGone = 3006;
  if (number == kClientGone) return RequestOutcome::kCancelled;
  if (http_status == 504) return RequestOutcome::kTimeout;
  switch (number / 1000) {
    case 1: return RequestOutcome::kClientError;
    case 3: return RequestOutcome::kFunctionError;
    // A limit of the function's own that it met while it ran, or one that kept it from running.
    case 4:
      return http_status == 429 || http_status == 503 ? RequestOutcome::kRejected
                                                      : RequestOutcome::kFunctionError;
    case 7:
      return http_status == 503 ? RequestOutcome::kUnavailable : RequestOutcome::kInternalError;
    default: return RequestOutcome::kUnavailable;  // module, registry, configuration
  }
}
RequestOutcome outcome_of(std::optional<ErrorCode> code);

// The codes whose outcome is kRejected, in the order of the catalogue.
constexpr std::size_t count_reject_reasons() {
  std::size_t count = 0;
#define GODWIT_ERROR(name, number, blame, status, title, next_step) \
  if (classify(number, status) == RequestOutcome::kRejected) ++count;
#include "base/errors.def"
#undef GODWIT_ERROR
  return count;
}
inline constexpr std::size_t kRejectReasonCount = count_reject_reasons();
std::span<const ErrorCode, kRejectReasonCount> reject_reasons();
// REQUIRES: outcome_of(code) is kRejected.
std::size_t reject_reason(ErrorCode code);
// A code as a value of a label: kFunctionBusy → "function_busy".
std::string code_label(ErrorCode code);

}  // namespace godwit::observe
