// From libcurl's codes to what wasi:http calls them. Pure.
#pragma once

#include "capability/outbound_http.h"

namespace godwit::outbound {

// How far a call had come.
enum class CallStage : std::uint8_t { kConnecting, kRequest, kBody };

struct CurlEnd {
  int code = 0;           // CURLcode
  int os_error = 0;       // CURLINFO_OS_ERRNO
  std::string_view text;  // CURLOPT_ERRORBUFFER
  CallStage stage = CallStage::kConnecting;
};

// REQUIRES: code is not CURLE_OK.
capability::OutboundFailure failure_of(const CurlEnd& end);

}  // namespace godwit::outbound
