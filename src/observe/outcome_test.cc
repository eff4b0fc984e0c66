#include "observe/outcome.h"

#include <set>

#include <gtest/gtest.h>

namespace godwit::observe {
namespace {

TEST(Outcome, OfEachKindOfFailure) {
  const struct {
    std::optional<ErrorCode> code;
    RequestOutcome outcome;
  } rows[] = {
      {std::nullopt, RequestOutcome::kOk},
      {ErrorCode::kNoRoute, RequestOutcome::kClientError},
      {ErrorCode::kRequestBodyTooLarge, RequestOutcome::kClientError},
      {ErrorCode::kRequestTimeout, RequestOutcome::kClientError},
      {ErrorCode::kUnsupportedHttpVersion, RequestOutcome::kClientError},
      {ErrorCode::kModuleMalformed, RequestOutcome::kUnavailable},
      {ErrorCode::kCompileLimit, RequestOutcome::kUnavailable},
      {ErrorCode::kArtifactInvalid, RequestOutcome::kUnavailable},
      {ErrorCode::kNotGranted, RequestOutcome::kUnavailable},
      {ErrorCode::kGuestTrapped, RequestOutcome::kFunctionError},
      {ErrorCode::kGuestExited, RequestOutcome::kFunctionError},
      {ErrorCode::kResponseTooLarge, RequestOutcome::kFunctionError},
      {ErrorCode::kCancelled, RequestOutcome::kCancelled},
      {ErrorCode::kOutOfMemory, RequestOutcome::kFunctionError},
      {ErrorCode::kCpuLimit, RequestOutcome::kTimeout},
      {ErrorCode::kDeadline, RequestOutcome::kTimeout},
      {ErrorCode::kFunctionBusy, RequestOutcome::kRejected},
      {ErrorCode::kServerOverloaded, RequestOutcome::kRejected},
      {ErrorCode::kDraining, RequestOutcome::kRejected},
      {ErrorCode::kInternal, RequestOutcome::kInternalError},
      {ErrorCode::kKernelTooOld, RequestOutcome::kUnavailable},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(outcome_of(row.code), row.outcome)
        << (row.code ? error_info(*row.code).name : "no code");
  }
}

// Whatever is added to the catalogue: nothing that refuses a request counts as the function's.
TEST(Outcome, OfTheWholeCatalogue) {
  for (const ErrorInfo& info : all_errors()) {
    const RequestOutcome outcome = outcome_of(info.code);
    EXPECT_NE(outcome, RequestOutcome::kOk) << info.name;
    if (info.http_status == 429) {
      EXPECT_EQ(outcome, RequestOutcome::kRejected) << info.name;
    }
    if (info.http_status == 504) {
      EXPECT_EQ(outcome, RequestOutcome::kTimeout) << info.name;
    }
    if (outcome == RequestOutcome::kRejected) {
      EXPECT_LT(reject_reason(info.code), 16u) << info.name;
    }
  }
}

TEST(Outcome, LabelsAreInOrderAndDifferent) {
  std::set<std::string_view> labels;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_outcomes()[i].outcome), i);
    labels.insert(all_outcomes()[i].label);
  }
  EXPECT_EQ(labels.size(), kOutcomeCount);
}

TEST(Outcome, RejectReasonsAreFoundAgain) {
  ASSERT_GE(kRejectReasonCount, 3u);
  for (std::size_t i = 0; i < kRejectReasonCount; ++i) {
    EXPECT_EQ(reject_reason(reject_reasons()[i]), i);
  }
  EXPECT_EQ(code_label(ErrorCode::kFunctionBusy), "function_busy");
  EXPECT_EQ(code_label(ErrorCode::kDraining), "draining");
  EXPECT_EQ(code_label(ErrorCode::kUnsupportedHttpVersion), "unsupported_http_version");
}

}  // namespace
}  // namespace godwit::observe
