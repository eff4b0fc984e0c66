#include "observe/outcome.h"

#include <algorithm>

#include "base/check.h"

namespace godwit::observe {
namespace {

constexpr std::array<OutcomeInfo, kOutcomeCount> kOutcomes = {{
    {RequestOutcome::kOk, "ok",
     "the answer was delivered whole, whatever status the function chose"},
    {RequestOutcome::kClientError, "client_error",
     "the request was at fault: no such route, malformed, too large, too slow (E1xxx)"},
    {RequestOutcome::kFunctionError, "function_error",
     "the function trapped, exited with a code that is not zero, broke its contract, or met its "
     "memory limit (E3xxx, E4001)"},
    {RequestOutcome::kTimeout, "timeout", "CPU time or wall clock was used up (E4002, E4003)"},
    {RequestOutcome::kRejected, "rejected",
     "refused before it ran: 429, or 503 for overload and drain; `godwit_rejected_total` has the "
     "reasons"},
    {RequestOutcome::kUnavailable, "unavailable",
     "there is a route, but its function can't be loaded (E2xxx, E5xxx, E6xxx)"},
    {RequestOutcome::kCancelled, "cancelled",
     "the client went away before it had the whole answer (E3006)"},
    {RequestOutcome::kInternalError, "internal_error", "a failure of Godwit's own (E7xxx)"},
}};

constexpr std::array<ErrorCode, kRejectReasonCount> make_reject_reasons() {
  std::array<ErrorCode, kRejectReasonCount> reasons{};
  std::size_t count = 0;
#define GODWIT_ERROR(name, number, blame, status, title, next_step) \
  if (classify(number, status) == RequestOutcome::kRejected) reasons[count++] = ErrorCode::name;
#include "base/errors.def"
#undef GODWIT_ERROR
  return reasons;
}
constexpr std::array<ErrorCode, kRejectReasonCount> kRejectReasons = make_reject_reasons();

}  // namespace

std::span<const OutcomeInfo, kOutcomeCount> all_outcomes() { return kOutcomes; }

RequestOutcome outcome_of(std::optional<ErrorCode> code) {
  if (!code) return RequestOutcome::kOk;
  return classify(static_cast<int>(*code), error_info(*code).http_status);
}

std::span<const ErrorCode, kRejectReasonCount> reject_reasons() { return kRejectReasons; }

std::size_t reject_reason(ErrorCode code) {
  const auto* const found = std::find(kRejectReasons.begin(), kRejectReasons.end(), code);
  CHECK(found != kRejectReasons.end(), static_cast<int>(code));
  return static_cast<std::size_t>(found - kRejectReasons.begin());
}

std::string code_label(ErrorCode code) {
  const std::string_view name = error_info(code).name.substr(1);  // without the k
  std::string label;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !label.empty()) label += '_';
    label += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return label;
}

}  // namespace godwit::observe
