// One invocation without a server: a loaded function, its streams and its limits, run to its end.
//
//   auto result = run_session({.function = f, .arguments = &args, .environment = &env,
//                              .input_fd = STDIN_FILENO});
//   if (!result) return fail(…);                 // the host failed
//   if (result->error) print_error(*result->error);   // the function did
//
// Runs on the calling thread and returns when all output is written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "engine/outcome.h"
#include "http/request.h"
#include "http/response.h"
#include "runtime/function.h"
#include "runtime/invocation.h"
#include "wasi/string_list.h"

namespace godwit::cli {

enum class OutputTo : std::uint8_t {
  kDescriptors,  // as the guest writes it: stdout and stderr of this process
  kResult,       // kept in the result
};

struct SessionOptions {
  std::shared_ptr<const runtime::Function> function;
  const wasi::StringList* arguments = nullptr;
  const wasi::StringList* environment = nullptr;
  int input_fd = -1;  // -1: `input` is what the guest reads
  std::string input;
  OutputTo output = OutputTo::kDescriptors;
  // Set: the output is an HTTP response to this request, with head and all.
  const http::Request* request = nullptr;
  std::string request_id;
  // What a function that speaks HTTP itself is asked; required by those.
  const http::Request* http_request = nullptr;
};

struct PageFaults {
  std::int64_t minor = 0;
  std::int64_t major = 0;
};

struct SessionResult {
  std::optional<Error> error;              // nothing: it succeeded
  std::optional<engine::Outcome> outcome;  // nothing: it was never run
  runtime::Usage usage;
  Nanoseconds wall{0};     // from admission to the end of the clean-up
  PageFaults page_faults;  // of this thread, in that time
  std::uint64_t output_bytes = 0;
  std::string input_problem;  // why stdin could not be read; the guest saw its end
  // With OutputTo::kResult:
  std::string output;
  std::string log;
  std::optional<http::ResponseHead> head;
};

// Errors: kSystemCall.
Result<SessionResult> run_session(SessionOptions options);

// Why a run that has ended is no success; nothing when it is one.
std::optional<Error> outcome_error(const engine::Outcome& outcome, const manifest::Limits& limits);

}  // namespace godwit::cli
