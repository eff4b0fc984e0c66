#include "gateway/exchange.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "gateway/cgi_response.h"

namespace godwit::gateway {
namespace {

constexpr std::size_t kKeptLines = 20;       // of stderr, for --dev
constexpr std::size_t kKeptLineBytes = 500;  // of each
// A connection that has answered keeps no more of each text than this for the next request.
constexpr std::size_t kKeptTextBytes = std::size_t{4} << 10;
constexpr std::string_view kTextType = "text/plain; charset=utf-8";
constexpr std::string_view kBinaryType = "application/octet-stream";

ErrorCode code_of(const runtime::Invocation& invocation) {
  const engine::Outcome& outcome = invocation.outcome();
  switch (outcome.kind) {
    case engine::OutcomeKind::kFinished:
    case engine::OutcomeKind::kExited: return ErrorCode::kGuestExited;
    case engine::OutcomeKind::kTrapped:
      return outcome.trap == engine::Trap::kStackOverflow ? ErrorCode::kGuestStackOverflow
                                                          : ErrorCode::kGuestTrapped;
    case engine::OutcomeKind::kOutOfMemory:
      return invocation.met_memory_budget() ? ErrorCode::kMemoryBudget : ErrorCode::kOutOfMemory;
    case engine::OutcomeKind::kCpuLimit: return ErrorCode::kCpuLimit;
    case engine::OutcomeKind::kDeadline: return ErrorCode::kDeadline;
    case engine::OutcomeKind::kCancelled: return ErrorCode::kCancelled;
  }
  return ErrorCode::kInternal;
}

// Is `text` UTF-8 as far as it goes? With more to come the last character may be cut.
bool looks_like_utf8(std::string_view text, OutputState state) {
  const std::size_t valid = utf8_prefix(text);
  return valid == text.size() || (state == OutputState::kMore && text.size() - valid < 4);
}

}  // namespace

Exchange::Exchange(Gateway& gateway, ResponseWriter& writer)
    : gateway_(gateway),
      writer_(writer),
      input_(request_body_),
      output_(response_body_),
      answer_(&request_body_, input_, output_),
      invocation_(gateway.worker()) {}

Exchange::~Exchange() = default;

void Exchange::begin(const ClientAddress& client) {
  CHECK(!open_);
  open_ = true;
  responded_ = false;
  status_ = 0;
  code_.reset();
  end_reason_.reset();
  end_detail_.clear();
  function_ = nullptr;
  last_lines_.clear();
  started_ = false;
  client_ = client.text;
  opened_ = monotonic_now();
  gateway_.make_request_id(request_id_);
}

void Exchange::open(const http::Request& request, const ClientAddress& client) {
  begin(client);
  request_ = &request;
  if (gateway_.draining()) return respond_with_error(ErrorCode::kDraining, {});
  if (auto parsed = path_.parse(request.path); !parsed) {
    return respond_with_error(parsed.error().code, parsed.error().detail);
  }
  if (!find_route()) return;
  if (request.expectation == http::Expectation::kUnsupported) {
    return respond_with_error(ErrorCode::kExpectationFailed, {});
  }
  const Route& route = *match_->route;
  if (route.function == nullptr) {
    const Error& reason = *route.unavailable;
    return respond_with_error(reason.code, reason.detail);
  }
  function_ = route.function.get();
  const manifest::FunctionSpec& spec = function_->spec;
  request_body_limit_ = spec.limits.request_body_bytes;
  if (request.content_length.value_or(0) > request_body_limit_) {
    return respond_with_error(ErrorCode::kRequestBodyTooLarge, {});
  }
  auto decoded = adapter_.decode({.spec = spec,
                                  .request = request,
                                  .client = client,
                                  .script_name = match_->script_name,
                                  .path_info = match_->path_info,
                                  .request_id = request_id_,
                                  .path_parameters = parameters_,
                                  .grants = function_->grants.get(),
                                  .request_variables = !speaks_http()});
  if (!decoded) return respond_with_error(decoded.error().code, decoded.error().detail);
  if (speaks_http()) answer_.begin(request);
}

// False when the request was answered.
bool Exchange::find_route() {
  const RouteTable& routes = gateway_.routes();
  match_ = routes.match({.host = request_->host, .method = request_->method, .path = path_});
  // One segment to the router would be two to a function that reads PATH_INFO. Who writes patterns
  // gets segments one by one.
  const bool two_meanings = path_.has_encoded_slash() && match_ && match_->by_name;
  if (!match_ || two_meanings) {
    respond_without_route();
  } else if (match_->action == RouteMatch::Action::kAddSlash) {
    respond_with_slash_added();
  } else {
    RouteTable::read_parameters(*match_, path_, parameters_);
    return true;
  }
  return false;
}

void Exchange::start() {
  CHECK(open_ && !responded_ && function_ != nullptr);
  const manifest::FunctionSpec& spec = function_->spec;
  started_ = true;
  output_.begin(spec.limits.response_body_bytes);
  capability::LineSink& sink = *this;
  log_output_.emplace(capability::LogOutput::Options{.limit_bytes = static_cast<std::size_t>(
                                                         spec.limits.log_bytes)},
                      sink);
  runtime::InvocationInput input{.function = match_->route->function,
                                 .arguments = &adapter_.arguments(),
                                 .environment = &adapter_.environment(),
                                 .standard_input = &input_,
                                 .standard_output = &output_,
                                 .standard_error = &*log_output_};
  if (speaks_http()) {
    input.standard_input = &no_input_;
    input.standard_output = &*log_output_;
    input.http = &answer_;
  }
  invocation_.begin(std::move(input), *this);
}

void Exchange::refuse(ErrorCode code, const ClientAddress& client, const http::Request* request) {
  begin(client);
  request_ = request;
  respond_with_error(code, {});
}

void Exchange::fail_request(ErrorCode code) {
  if (invocation_.active()) {
    end_guest(code, {});
  } else if (responded_) {
    code_ = code;
    response_body_.abort(code);
  } else {
    respond_with_error(code, {});
  }
}

void Exchange::cancel() {
  if (!invocation_.active()) return;
  end_guest(ErrorCode::kCancelled, {});
}

// on_ended() answers with `code`.
void Exchange::end_guest(ErrorCode code, std::string_view detail) {
  end_reason_ = code;
  end_detail_ = detail;
  invocation_.end_now(engine::OutcomeKind::kCancelled);
}

void Exchange::close(const Delivery& delivery) {
  CHECK(open_);
  if (invocation_.active()) cancel();
  invocation_.release();
  if (!delivery.complete && !code_) code_ = ErrorCode::kCancelled;
  const std::string code = code_ ? error_code_text(*code_) : std::string();
  const Nanoseconds duration = monotonic_now() - opened_;
  count(duration);
  gateway_.log_access({.method = request_ != nullptr ? request_->method : "-",
                       .path = request_ != nullptr ? request_->path : "-",
                       .function = function_ != nullptr ? function_->spec.name : "-",
                       .client = client_,
                       .request_id = request_id_,
                       .code = code,
                       .status = status_,
                       .complete = delivery.complete,
                       .bytes_in = delivery.request_body_bytes,
                       .bytes_out = delivery.body_bytes,
                       .duration = duration,
                       .cpu = started_ ? invocation_.usage().cpu : Nanoseconds{0}});
  request_body_.cancel_readable();
  request_body_.cancel_writable();
  request_body_.reset();
  response_body_.cancel_readable();
  response_body_.cancel_writable();
  response_body_.reset();
  adapter_.clear();
  answer_.clear();
  match_.reset();
  function_ = nullptr;
  request_ = nullptr;
  open_ = false;
  if (gathered_.capacity() > kKeptTextBytes) std::string().swap(gathered_);
  if (path_.held_bytes() > kKeptTextBytes) path_ = RoutePath();
}

std::size_t Exchange::held_bytes() const {
  return request_body_.capacity_bytes() + response_body_.capacity_bytes() + adapter_.held_bytes() +
         gathered_.capacity() + path_.held_bytes();
}

void Exchange::count(Nanoseconds duration) const {
  observe::WorkerMetrics* const metrics = gateway_.options().metrics;
  if (metrics == nullptr) return;
  observe::FinishedRequest request{.code = code_, .duration = duration};
  if (started_) {
    const runtime::Usage& usage = invocation_.usage();
    request.cpu = usage.cpu;
    if (usage.slices != 0) request.setup = usage.setup;  // else it never had an instance
    request.log_bytes_dropped = log_output_->dropped_bytes();
  }
  metrics->count(match_ ? match_->route->metrics.get() : nullptr, request);
}

// --- The guest's side ---------------------------------------------------------------------------

void Exchange::on_suspended() noexcept {
  if (output_.over_limit()) return end_guest(ErrorCode::kResponseTooLarge, {});
  if (speaks_http()) return answer_on_suspended();
  if (responded_ || response_body_.empty()) return;
  const bool held_back = output_.wants_head();
  if (try_send_head(OutputState::kMore) && held_back) invocation_.wake();
}

void Exchange::on_ended() noexcept {
  if (log_output_) log_output_->finish();
  request_body_.abandon();
  if (invocation_.refusal()) {
    return respond_with_error(invocation_.refusal()->code, invocation_.refusal()->detail);
  }
  const engine::Outcome& outcome = invocation_.outcome();
  // What the guest wrote beyond its limit was never taken: even a clean exit is not a whole answer.
  if (output_.over_limit()) end_reason_ = ErrorCode::kResponseTooLarge;
  if (end_reason_) return fail_response(*end_reason_, end_detail_);
  // An answer that is whole stays one, whatever the guest does afterwards.
  const bool answered = speaks_http() && answer_.complete();
  if (!outcome.success() && !answered) {
    return fail_response(code_of(invocation_), failure_detail(outcome));
  }
  if (!outcome.success()) log_failure(code_of(invocation_), failure_detail(outcome));
  if (speaks_http()) return answer_on_ended();
  if (!responded_ && !try_send_head(OutputState::kEnded)) return;
  response_body_.finish();
}

// The head goes out as soon as the guest waits: what it waits for may be the client.
void Exchange::answer_on_suspended() {
  if (answer_.aborted()) return end_guest(ErrorCode::kHttpResponseIncomplete, {});
  if (responded_ || answer_.head() == nullptr) return;
  const bool held_back = output_.wants_head();
  if (send_answer_head() && held_back) invocation_.wake();
}

void Exchange::answer_on_ended() {
  if (auto whole = answer_.close(response_body_.total_written()); !whole) {
    return fail_response(whole.error().code, whole.error().detail);
  }
  if (!responded_ && !send_answer_head()) return;
  response_body_.finish();
}

// False when the exchange has failed.
bool Exchange::send_answer_head() {
  head_.clear();
  head_.status = answer_.head()->status;
  bool fits = head_.fields.append_view("x-request-id", request_id_);
  for (const http::Field& field : answer_.head()->fields) {
    fits = fits && head_.fields.append_view(field.name, field.value);
  }
  if (!fits) {
    const std::string_view detail = "the answer's header fields are too large or too many";
    if (invocation_.active()) {
      end_guest(ErrorCode::kHttpResponseIncomplete, detail);
    } else {
      fail_response(ErrorCode::kHttpResponseIncomplete, detail);
    }
    return false;
  }
  send_head(answer_.length(response_body_.size()));
  return true;
}

void Exchange::on_expired() noexcept {
  // The guest is done but its answer is still on its way to a slow reader: the wall clock counts
  // to the last byte.
  code_ = ErrorCode::kDeadline;
  response_body_.abort(ErrorCode::kDeadline);
  writer_.expire();
}

void Exchange::line(std::string_view text) {
  gateway_.log(LogLevel::kInfo, "guest", text,
               {{"function", function_->spec.name}, {"request_id", request_id_}});
  if (gateway_.options().details != Details::kShown) return;
  if (last_lines_.size() == kKeptLines) last_lines_.pop_front();
  last_lines_.emplace_back(text.substr(0, kKeptLineBytes));
}

// --- The head of the response -------------------------------------------------------------------

// Copies the oldest output into gathered_, which is contiguous.
void Exchange::gather_output(std::size_t max_bytes) {
  gathered_.clear();
  std::array<ByteSpan, 8> spans;
  const std::size_t count = response_body_.peek(spans);
  for (std::size_t i = 0; i < count && gathered_.size() < max_bytes; ++i) {
    gathered_.append(as_text(spans[i]).substr(0, max_bytes - gathered_.size()));
  }
}

bool Exchange::fill_command_head(OutputState state) {
  head_.clear();
  std::string_view type = function_->spec.content_type;
  if (type.empty()) {
    gather_output(GuestOutput::kHeadBytes);
    const OutputState seen = gathered_.size() < response_body_.size() ? OutputState::kMore : state;
    type = looks_like_utf8(gathered_, seen) ? kTextType : kBinaryType;
  }
  const bool added = head_.fields.append_view("Content-Type", type) &&
                     head_.fields.append_view("x-request-id", request_id_);
  CHECK(added, type);
  return true;
}

bool Exchange::fill_cgi_head(OutputState state) {
  gather_output(kMaxCgiHeaderBytes);
  auto header = parse_cgi_header(gathered_, state, head_);
  if (header && header->has_value()) {
    head_.fields.remove("x-request-id");  // the id is ours
    if (!head_.fields.append_view("x-request-id", request_id_)) {
      header = fail(ErrorCode::kBadCgiResponse, "there are too many header fields");
    }
  }
  if (!header) {
    if (!invocation_.active()) {
      fail_response(ErrorCode::kBadCgiResponse, header.error().detail);
    } else {
      end_guest(ErrorCode::kBadCgiResponse, header.error().detail);
    }
    return false;
  }
  if (!header->has_value()) return false;  // more is to come
  response_body_.consume((*header)->body_offset);
  return true;
}

// True when the head went out. False: more output is needed first, or the exchange has failed.
bool Exchange::try_send_head(OutputState state) {
  const bool cgi = function_->spec.response == manifest::ResponseMode::kCgi;
  if (!(cgi ? fill_cgi_head(state) : fill_command_head(state))) return false;
  const bool ended = state == OutputState::kEnded;
  send_head(ended ? std::optional<std::uint64_t>(response_body_.size()) : std::nullopt);
  return true;
}

void Exchange::send_head(std::optional<std::uint64_t> length) {
  CHECK(!responded_);
  responded_ = true;
  output_.head_sent();
  status_ = head_.status;
  writer_.respond(head_, length);
}

// --- When it goes wrong -------------------------------------------------------------------------

void Exchange::fail_response(ErrorCode code, std::string_view detail) {
  log_failure(code, detail);
  if (responded_ || code == ErrorCode::kCancelled) {  // nobody is there to answer
    code_ = code;
    response_body_.abort(code);
    if (responded_ && code == ErrorCode::kDeadline) writer_.expire();
    return;
  }
  response_body_.consume(response_body_.size());
  respond_with_error(code, detail);
}

void Exchange::log_failure(ErrorCode code, std::string_view detail) {
  if (code == ErrorCode::kCancelled) return;  // the access line says it
  const ErrorInfo& info = error_info(code);
  const LogLevel level = info.blame == Blame::kClient ? LogLevel::kDebug : LogLevel::kWarning;
  gateway_.log(level, "invocation", info.title,
               {{"code", error_code_text(code)},
                {"function", function_ != nullptr ? function_->spec.name : "-"},
                {"detail", detail},
                {"request_id", request_id_}});
}

std::string Exchange::failure_detail(const engine::Outcome& outcome) const {
  std::string detail;
  if (outcome.kind == engine::OutcomeKind::kExited) {
    detail = fmt::format("exit code {}", outcome.exit_code);
  } else if (outcome.kind == engine::OutcomeKind::kTrapped ||
             outcome.kind == engine::OutcomeKind::kOutOfMemory) {
    detail = engine::trap_text(outcome.trap);
  }
  if (!outcome.detail.empty()) {
    if (!detail.empty()) detail += '\n';
    detail += outcome.detail;
  }
  return detail;
}

}  // namespace godwit::gateway
