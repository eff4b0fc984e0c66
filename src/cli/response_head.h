// The head of the response that a command's output makes, for `godwit run --request`: the same
// rules as the gateway's (docs/contract.md, "Guest contracts").
//
//   auto head = response_head(spec, pipe, OutputState::kEnded);
//   if (head && *head) send(**head);      // a CGI header block has left the pipe
//
// Pure but for the pipe.
#pragma once

#include <optional>

#include "base/error.h"
#include "gateway/cgi_response.h"
#include "http/body_pipe.h"
#include "http/response.h"
#include "manifest/function_spec.h"

namespace godwit::cli {

// Nothing when more output is needed first. Errors: kBadCgiResponse.
Result<std::optional<http::ResponseHead>> response_head(const manifest::FunctionSpec& spec,
                                                        http::BodyPipe& output,
                                                        gateway::OutputState state);

}  // namespace godwit::cli
