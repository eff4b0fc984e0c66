#include "capability/outbound_http.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace godwit::capability {
namespace {

TEST(OutboundHttp, EachFailureHasItsNameOfWasiHttp) {
  std::set<std::string_view> texts;
  for (std::size_t i = 0; i < kOutboundFailures; ++i) {
    const auto text = outbound_failure_text(static_cast<OutboundFailure>(i));
    EXPECT_FALSE(text.empty());
    EXPECT_TRUE(texts.insert(text).second) << text;
  }
  EXPECT_EQ(outbound_failure_text(OutboundFailure::kDenied), "HTTP-request-denied");
  EXPECT_EQ(outbound_failure_text(OutboundFailure::kConnectionRefused), "connection-refused");
  EXPECT_EQ(outbound_failure_text(OutboundFailure::kHttpResponseTimeout), "HTTP-response-timeout");
  EXPECT_EQ(outbound_failure_text(OutboundFailure::kInternalError), "internal-error");
}

TEST(OutboundHttp, FieldsOfTheConnectionAreOurs) {
  for (const char* const name : {"host", "Host", "CONNECTION", "transfer-encoding", "Upgrade",
                                 "keep-alive", "proxy-authorization", "te", "expect"}) {
    EXPECT_TRUE(is_forbidden_outbound_field(name)) << name;
  }
  for (const char* const name : {"content-length", "authorization", "cookie", "x-host", ""}) {
    EXPECT_FALSE(is_forbidden_outbound_field(name)) << name;
  }
}

}  // namespace
}  // namespace godwit::capability
