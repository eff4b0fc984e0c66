// Problem bodies: what a client gets when Godwit, not the function, answers (RFC 9457).
//
//   {"type":"urn:godwit:error:E1008","title":"No function is served at this path","status":404,
//    "code":"E1008","request_id":"…"}
//
// Nothing of the host leaks: title and status come from the catalogue; `detail` is given only with
// --dev. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/response.h"

namespace godwit::gateway {

struct ProblemOptions {
  ErrorCode code;
  std::string_view request_id;
  std::string_view detail;  // empty: none
};

inline constexpr std::string_view kProblemType = "application/problem+json";

// The JSON document, ending with a newline.
std::string problem_body(const ProblemOptions& options);
// Status, content type; Retry-After for 429 and 503, Allow for 405 (what the parser knows: who
// knows better replaces it). `head` is replaced.
void problem_head(ErrorCode code, http::ResponseHead& head);

}  // namespace godwit::gateway
