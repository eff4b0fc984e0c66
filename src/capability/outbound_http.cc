#include "capability/outbound_http.h"

#include <algorithm>
#include <array>

#include "http/ascii.h"

namespace godwit::capability {

std::string_view outbound_failure_text(OutboundFailure failure) {
  static constexpr std::array<std::string_view, kOutboundFailures> kTexts = {
      "HTTP-request-denied",
      "DNS-timeout",
      "DNS-error",
      "destination-not-found",
      "destination-unavailable",
      "destination-IP-prohibited",
      "destination-IP-unroutable",
      "connection-refused",
      "connection-terminated",
      "connection-timeout",
      "connection-read-timeout",
      "connection-write-timeout",
      "connection-limit-reached",
      "TLS-protocol-error",
      "TLS-certificate-error",
      "TLS-alert-received",
      "HTTP-request-length-required",
      "HTTP-request-body-size",
      "HTTP-request-method-invalid",
      "HTTP-request-URI-invalid",
      "HTTP-request-URI-too-long",
      "HTTP-request-header-section-size",
      "HTTP-response-incomplete",
      "HTTP-response-header-section-size",
      "HTTP-response-body-size",
      "HTTP-response-trailer-section-size",
      "HTTP-response-content-coding",
      "HTTP-response-timeout",
      "HTTP-upgrade-failed",
      "HTTP-protocol-error",
      "loop-detected",
      "configuration-error",
      "internal-error",
  };
  static_assert(kTexts.size() == static_cast<std::size_t>(OutboundFailure::kInternalError) + 1);
  return kTexts[static_cast<std::size_t>(failure)];
}

bool is_forbidden_outbound_field(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kForbidden = {
      "connection",          "expect",           "host", "http2-settings", "keep-alive",
      "proxy-authenticate",  "proxy-connection", "te",   "trailer",        "transfer-encoding",
      "proxy-authorization", "upgrade"};
  return std::any_of(kForbidden.begin(), kForbidden.end(),
                     [&](std::string_view each) { return http::equals_ignoring_case(each, name); });
}

}  // namespace godwit::capability
