#include "cli/run_session.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "capability/log_output.h"
#include "cli/descriptor_streams.h"
#include "cli/poll_loop.h"
#include "cli/response_head.h"
#include "gateway/guest_streams.h"
#include "gateway/http_answer.h"
#include "gateway/problem.h"
#include "http/body_pipe.h"
#include "http/serializer.h"
#include "runtime/blocking_pool.h"
#include "runtime/worker.h"

namespace godwit::cli {
namespace {

constexpr unsigned kFileThreads = 2;
constexpr const char* kFramesHint = "The guest's frames are above, the innermost first.";

PageFaults page_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {usage.ru_minflt, usage.ru_majflt};
}

class Session final : private runtime::InvocationObserver, private capability::LineSink {
 public:
  Session(PollLoop& loop, runtime::BlockingPool& blocking, SessionOptions options);
  SessionResult run();

 private:
  const manifest::FunctionSpec& spec() const { return options_.function->spec; }
  bool speaks_http() const { return options_.function->contract == wasm::Contract::kHttp; }
  capability::InputStream& guest_input();
  bool to_descriptors() const { return options_.output == OutputTo::kDescriptors; }

  void on_suspended() noexcept override;
  void on_ended() noexcept override;
  void on_expired() noexcept override;
  void line(std::string_view text) override;

  bool turn();
  void end(Error error);
  void finish_response();
  bool make_head(gateway::OutputState state);
  void begin_body(http::ResponseHead head, std::optional<std::uint64_t> length);
  void answer_problem();
  void move_output();
  Error broken_output() const;

  SessionOptions options_;
  PollLoop& loop_;
  runtime::Worker worker_;
  capability::BytesInput bytes_;
  DescriptorInput input_;
  http::BodyPipe pipe_;
  http::BodyPipe log_pipe_;  // stays empty: log lines are texts
  gateway::GuestOutput guest_output_;
  capability::EmptyInput no_input_;
  gateway::HttpAnswer answer_;
  DescriptorOutput output_;
  DescriptorOutput log_;
  capability::LogOutput guest_log_;
  runtime::Invocation invocation_;
  SessionResult result_;
  TimePoint began_;
  PageFaults faults_before_;
  bool head_done_ = false;
  bool discard_body_ = false;  // HEAD, 204, 304
  bool ended_ = false;
  bool expired_ = false;
};

Session::Session(PollLoop& loop, runtime::BlockingPool& blocking, SessionOptions options)
    : options_(std::move(options)),
      loop_(loop),
      worker_(loop, {.blocking = &blocking}),
      bytes_(std::move(options_.input)),
      input_(options_.input_fd, spec().limits.request_body_bytes),
      guest_output_(pipe_),
      answer_(nullptr, guest_input(), guest_output_),
      output_(STDOUT_FILENO, pipe_),
      log_(STDERR_FILENO, log_pipe_),
      guest_log_({.limit_bytes = static_cast<std::size_t>(spec().limits.log_bytes)}, *this),
      invocation_(worker_) {
  guest_output_.begin(spec().limits.response_body_bytes);
  if (options_.request == nullptr) {
    head_done_ = true;
    guest_output_.head_sent();
  }
  if (!head_done_ || !to_descriptors()) output_.hold();
  if (options_.input_fd >= 0) loop_.add(input_);
  loop_.add(output_);
  loop_.add(log_);
}

capability::InputStream& Session::guest_input() {
  if (options_.input_fd >= 0) return input_;
  return bytes_;
}

SessionResult Session::run() {
  faults_before_ = page_faults();
  began_ = monotonic_now();
  runtime::InvocationInput input{.function = options_.function,
                                 .arguments = options_.arguments,
                                 .environment = options_.environment,
                                 .standard_input = &guest_input(),
                                 .standard_output = &guest_output_,
                                 .standard_error = &guest_log_};
  if (speaks_http()) {
    CHECK(options_.http_request != nullptr);
    answer_.begin(*options_.http_request);
    input.standard_input = &no_input_;
    input.standard_output = &guest_log_;
    input.http = &answer_;
  }
  invocation_.begin(std::move(input), *this);
  loop_.run(worker_, [this] { return turn(); });
  invocation_.release();
  if (!result_.error && output_.broken()) result_.error = broken_output();  // after its end
  result_.input_problem = input_.problem();
  return std::move(result_);
}

// True when there is nothing left to do.
bool Session::turn() {
  if (output_.broken() && invocation_.active()) end(broken_output());
  if (!ended_) return false;
  if (expired_) {
    output_.flush_now();
    log_.flush_now();
    return true;
  }
  const bool written = output_.broken() || output_.drained();
  const bool logged = log_.broken() || log_.drained();
  return written && logged;
}

Error Session::broken_output() const {
  const ErrorCode code =
      output_.error_number() == EPIPE ? ErrorCode::kCancelled : ErrorCode::kFileUnwritable;
  return {code, "standard output: " + errno_text(output_.error_number()), {}};
}

void Session::end(Error error) {
  result_.error = std::move(error);
  invocation_.end_now(engine::OutcomeKind::kCancelled);
}

// --- The guest's side ---------------------------------------------------------------------------

void Session::on_suspended() noexcept {
  if (input_.over_limit()) {
    return end({ErrorCode::kRequestBodyTooLarge,
                "standard input holds more than " + format_size(spec().limits.request_body_bytes),
                {}});
  }
  if (guest_output_.over_limit()) return end({ErrorCode::kResponseTooLarge, {}, {}});
  if (speaks_http() && answer_.aborted()) {
    return end({ErrorCode::kHttpResponseIncomplete, {}, {}});
  }
  const bool has_output = speaks_http() ? answer_.head() != nullptr : !pipe_.empty();
  if (!head_done_ && has_output) {
    const bool held_back = guest_output_.wants_head();
    if (!make_head(gateway::OutputState::kMore)) return;
    if (held_back) invocation_.wake();
  }
  move_output();
}

void Session::on_ended() noexcept {
  const PageFaults faults = page_faults();
  result_.wall = monotonic_now() - began_;
  result_.page_faults = {faults.minor - faults_before_.minor, faults.major - faults_before_.major};
  result_.usage = invocation_.usage();
  guest_log_.finish();
  if (invocation_.refusal()) {
    result_.error = *invocation_.refusal();
  } else {
    result_.outcome = invocation_.outcome();
    // Its time is up, and so is its reader's: the wall clock runs to the last byte.
    expired_ = result_.outcome->kind == engine::OutcomeKind::kDeadline;
  }
  // Before it could be ended, the guest may have seen the broken pipe itself.
  if (!result_.error && output_.broken()) result_.error = broken_output();
  // What the guest wrote beyond its limit was never taken: even a clean exit is not a whole answer.
  if (!result_.error && guest_output_.over_limit()) {
    result_.error = Error{ErrorCode::kResponseTooLarge, {}, {}};
  }
  if (!result_.error) result_.error = outcome_error(*result_.outcome, spec().limits);
  if (!result_.error && speaks_http()) {
    if (auto whole = answer_.close(pipe_.total_written()); !whole) {
      result_.error = std::move(whole.error());
    }
  }
  result_.output_bytes = pipe_.total_written();
  finish_response();
  ended_ = true;
}

void Session::finish_response() {
  // A head that can't be made is an error of its own.
  if (!head_done_ && !result_.error) make_head(gateway::OutputState::kEnded);
  if (!head_done_) answer_problem();
  pipe_.finish();
  move_output();
}

void Session::on_expired() noexcept {
  expired_ = true;
  result_.error = Error{ErrorCode::kDeadline, "its output was not taken in time", {}};
}

void Session::line(std::string_view text) {
  std::string& log = result_.log;
  if (!to_descriptors()) {
    log.append(text).push_back('\n');
  } else if (!log_.broken()) {
    log_.write_first(std::string(text) + '\n');
  }
}

// Takes what nobody else takes: collected output, and the body of a response that has none.
void Session::move_output() {
  if (!head_done_ || (to_descriptors() && !discard_body_)) return;
  while (!pipe_.empty()) {
    const ByteSpan part = pipe_.peek();
    if (!discard_body_) result_.output += as_text(part);
    pipe_.consume(part.size());
  }
}

// --- The response -------------------------------------------------------------------------------

// True when the head is made. False: more output is needed first, or the run has failed.
bool Session::make_head(gateway::OutputState state) {
  if (speaks_http()) {
    http::ResponseHead head{.status = answer_.head()->status, .fields = {}};
    for (const http::Field& field : answer_.head()->fields) {
      (void)head.fields.append(field.name, field.value);  // they fitted before
    }
    begin_body(std::move(head), answer_.length(pipe_.size()));
    return true;
  }
  auto head = response_head(spec(), pipe_, state);
  if (!head) {
    if (invocation_.active()) {
      end(std::move(head.error()));
    } else {
      result_.error = std::move(head.error());
    }
    return false;
  }
  if (!head->has_value()) {
    if (state == gateway::OutputState::kEnded) {
      result_.error = Error{ErrorCode::kBadCgiResponse, "the header block has no end", {}};
    }
    return false;
  }
  const bool whole = state == gateway::OutputState::kEnded;
  begin_body(std::move(**head), whole ? std::optional<std::uint64_t>(pipe_.size()) : std::nullopt);
  return true;
}

void Session::begin_body(http::ResponseHead head, std::optional<std::uint64_t> length) {
  std::string text;
  http::DateCache dates;
  const bool added = head.fields.append("x-request-id", options_.request_id);
  // As to a client of HTTP/1.0: what is printed is the body, not its chunks.
  const auto framing = http::append_response_head(text, head,
                                                  {.version = http::Version::kHttp10,
                                                   .head_request = options_.request->is_head(),
                                                   .keep_alive = false,
                                                   .content_length = length},
                                                  dates);
  head_done_ = true;
  guest_output_.head_sent();
  if (!added || !framing) {
    result_.error = Error{ErrorCode::kBadCgiResponse, "its header fields are not valid", {}};
    return;
  }
  discard_body_ = framing->body == http::BodyFraming::kNone;
  if (to_descriptors()) {
    output_.write_first(text);
    if (!discard_body_) output_.let_go();
  }
  result_.head = std::move(head);
}

// What a client of a server with --dev would get.
void Session::answer_problem() {
  while (!pipe_.empty()) pipe_.consume(pipe_.peek().size());
  http::ResponseHead head;
  gateway::problem_head(result_.error->code, head);
  const std::string body = gateway::problem_body({.code = result_.error->code,
                                                  .request_id = options_.request_id,
                                                  .detail = result_.error->detail});
  begin_body(std::move(head), body.size());
  if (discard_body_) return;
  if (to_descriptors()) {
    output_.write_first(body);
  } else {
    result_.output = body;
  }
}

}  // namespace

Result<SessionResult> run_session(SessionOptions options) {
  const auto loop = PollLoop::create();
  if (!loop) return fail(loop.error());
  auto blocking = std::make_unique<runtime::BlockingPool>(kFileThreads);
  auto result = Session(**loop, *blocking, std::move(options)).run();
  // A disk that does not answer is not waited for: its thread ends with the process.
  if (blocking->busy()) blocking.release();  // NOLINT(bugprone-unused-return-value)
  return result;
}

std::optional<Error> outcome_error(const engine::Outcome& outcome, const manifest::Limits& limits) {
  if (outcome.success()) return std::nullopt;
  const auto with_detail = [&](ErrorCode code, std::string text) -> Error {
    if (!outcome.detail.empty()) text += "\n" + outcome.detail;
    return {code, std::move(text), outcome.detail.empty() ? "" : kFramesHint};
  };
  switch (outcome.kind) {
    case engine::OutcomeKind::kFinished:
    case engine::OutcomeKind::kExited:
      return with_detail(ErrorCode::kGuestExited, fmt::format("exit code {}", outcome.exit_code));
    case engine::OutcomeKind::kTrapped:
      return with_detail(outcome.trap == engine::Trap::kStackOverflow
                             ? ErrorCode::kGuestStackOverflow
                             : ErrorCode::kGuestTrapped,
                         engine::trap_text(outcome.trap));
    case engine::OutcomeKind::kOutOfMemory:
      return with_detail(ErrorCode::kOutOfMemory,
                         fmt::format("the limit is {}", format_size(limits.memory_bytes)));
    case engine::OutcomeKind::kCpuLimit:
      return with_detail(ErrorCode::kCpuLimit,
                         fmt::format("the limit is {}", format_duration(limits.cpu)));
    case engine::OutcomeKind::kDeadline:
      return with_detail(ErrorCode::kDeadline,
                         fmt::format("the limit is {}", format_duration(limits.timeout)));
    case engine::OutcomeKind::kCancelled: return with_detail(ErrorCode::kCancelled, {});
  }
  return Error{ErrorCode::kInternal, {}, {}};
}

}  // namespace godwit::cli
