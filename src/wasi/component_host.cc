#include "wasi/component_host.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace godwit::wasi {
namespace {

using capability::OutboundFailure;
using capability::OutboundState;
using capability::ReadStatus;

// Nobody waits longer; later deadlines would not fit the clock.
constexpr std::uint64_t kLongestWaitNs = 365ULL * 24 * 3600 * 1'000'000'000ULL;

engine::HttpFailure number_of(OutboundFailure failure) {
  return static_cast<engine::HttpFailure>(failure);
}

bool append_all(http::Fields& fields, std::span<const engine::HttpField> added) {
  return std::all_of(added.begin(), added.end(), [&](const engine::HttpField& field) {
    return fields.append_view(field.name, field.value);
  });
}

std::optional<engine::HttpField> field_at(const http::Fields& fields, std::size_t index) {
  if (index >= fields.size()) return std::nullopt;
  return engine::HttpField{fields[index].name, fields[index].value};
}

// "/a?b" of the request line: all of an origin-form target, the rest of an absolute one.
std::string_view path_with_query(const http::Request& request) {
  const std::size_t scheme = request.target.find("://");
  if (request.target.starts_with('/') || scheme == std::string_view::npos) return request.target;
  const std::size_t path = request.target.find_first_of("/?", scheme + 3);
  // "http://host" and "http://host?x" have the path "/", which stands nowhere in them.
  if (path == std::string_view::npos || request.target[path] != '/') return request.path;
  return request.target.substr(path);
}

// What is absent differs from what is empty.
std::string_view or_absent(std::string_view text) {
  return text.empty() ? std::string_view() : text;
}

std::optional<Nanoseconds> duration(std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return std::nullopt;
  return Nanoseconds(static_cast<std::int64_t>(std::min(nanoseconds, kLongestWaitNs)));
}

}  // namespace

ComponentHost::ComponentHost(Options options) : options_(std::move(options)) {
  CHECK(options_.preview1 != nullptr && options_.waker != nullptr);
}

ComponentHost::~ComponentHost() { rest(); }

void ComponentHost::rest() {
  calls_.clear();
  outbound_.reset();
  options_.timers->cancel(timer_);
  armed_.reset();
  if (options_.standard_input == nullptr) return;  // it rests already
  options_.standard_input->cancel_wait();
  options_.standard_output->cancel_wait();
  options_.standard_error->cancel_wait();
  options_.standard_input = nullptr;
  if (options_.http == nullptr) return;
  options_.http->request_body().cancel_wait();
  options_.http->response_body().cancel_wait();
}

void ComponentHost::bind(Options options) {
  CHECK(options_.standard_input == nullptr);
  options_ = std::move(options);
}

// --- Time ---------------------------------------------------------------------------------------

std::uint64_t ComponentHost::now() {
  return kMonotonicStartNs + options_.preview1->elapsed_ns(options_.clock->now());
}

void ComponentHost::wait_until(std::uint64_t deadline) {
  const std::uint64_t guest_now = now();
  const TimePoint host_now = options_.clock->now();
  const std::uint64_t wait = deadline > guest_now ? deadline - guest_now : 0;
  const TimePoint until =
      host_now + Nanoseconds(static_cast<std::int64_t>(std::min(wait, kLongestWaitNs)));
  if (armed_ && *armed_ > host_now && *armed_ <= until) return;  // it will look again then
  options_.timers->cancel(timer_);
  armed_ = until;
  timer_ = options_.timers->arm(until, options_.waker);
}

// --- Streams ------------------------------------------------------------------------------------

capability::OutboundCall* ComponentHost::call(std::uint32_t number) const {
  return number < calls_.size() ? calls_[number].call.get() : nullptr;
}

std::optional<std::uint32_t> ComponentHost::number_of_call(std::uint32_t stream) const {
  if (stream < engine::stream::kFirstOfCalls) return std::nullopt;
  const std::uint32_t number = (stream - engine::stream::kFirstOfCalls) / 2;
  return number < calls_.size() ? std::optional(number) : std::nullopt;
}

capability::OutboundCall* ComponentHost::call_of(std::uint32_t stream) const {
  const std::optional<std::uint32_t> number = number_of_call(stream);
  return number ? calls_[*number].call.get() : nullptr;
}

// Null for what is no stream, or none to read: at its end.
capability::InputStream* ComponentHost::input(std::uint32_t stream) {
  switch (stream) {
    case engine::stream::kStdin: return options_.standard_input;
    case engine::stream::kRequestBody:
      return options_.http != nullptr ? &options_.http->request_body() : nullptr;
    default: break;
  }
  capability::OutboundCall* const under_way = call_of(stream);
  const bool is_response = (stream - engine::stream::kFirstOfCalls) % 2 == 1;
  if (under_way == nullptr || !is_response || under_way->state() != OutboundState::kResponse) {
    return nullptr;
  }
  return &under_way->response_body();
}

// Null for what is no stream, or none to write: closed.
capability::OutputStream* ComponentHost::output(std::uint32_t stream) {
  switch (stream) {
    case engine::stream::kStdout: return options_.standard_output;
    case engine::stream::kStderr: return options_.standard_error;
    case engine::stream::kResponseBody:
      return options_.http != nullptr ? &options_.http->response_body() : nullptr;
    default: break;
  }
  capability::OutboundCall* const under_way = call_of(stream);
  const bool is_request = (stream - engine::stream::kFirstOfCalls) % 2 == 0;
  return under_way != nullptr && is_request ? &under_way->request_body() : nullptr;
}

bool ComponentHost::is_cut_off(std::uint32_t stream) const {
  const std::optional<std::uint32_t> number = number_of_call(stream);
  return number && calls_[*number].taken && calls_[*number].call == nullptr;
}

std::optional<OutboundFailure> ComponentHost::read_failure(std::uint32_t stream) const {
  if (is_cut_off(stream)) return OutboundFailure::kConnectionTerminated;
  if (stream == engine::stream::kRequestBody && options_.http != nullptr) {
    return options_.http->request_body_failure();
  }
  const capability::OutboundCall* const under_way = call_of(stream);
  if (under_way == nullptr) return std::nullopt;
  if (under_way->state() == OutboundState::kFailed) return under_way->failure();
  return under_way->body_failure();
}

engine::StreamRead ComponentHost::read(std::uint32_t stream, MutableByteSpan out) {
  capability::InputStream* const source = input(stream);
  if (source == nullptr && is_cut_off(stream)) return {engine::StreamStatus::kFailed, 0};
  if (source == nullptr || out.empty()) return {};
  const capability::ReadResult result = source->read(out);
  switch (result.status) {
    case ReadStatus::kBytes: return {engine::StreamStatus::kBytes, result.size};
    case ReadStatus::kPending: return {engine::StreamStatus::kPending, 0};
    case ReadStatus::kEnd: break;
  }
  const bool failed = read_failure(stream).has_value();
  return {failed ? engine::StreamStatus::kFailed : engine::StreamStatus::kEnd, 0};
}

bool ComponentHost::wait_readable(std::uint32_t stream) {
  capability::InputStream* const source = input(stream);
  return source == nullptr || !source->wait_readable(options_.waker);
}

std::size_t ComponentHost::write(std::uint32_t stream, ByteSpan bytes) {
  capability::OutputStream* const sink = output(stream);
  if (sink == nullptr) return 0;
  std::size_t written = 0;
  while (written < bytes.size()) {
    const MutableByteSpan room = sink->prepare(bytes.size() - written);
    if (room.empty()) break;
    std::copy_n(bytes.data() + written, room.size(), room.data());
    sink->commit(room.size());
    written += room.size();
  }
  return written;
}

std::size_t ComponentHost::wait_writable(std::uint32_t stream) {
  capability::OutputStream* const sink = output(stream);
  if (sink == nullptr || sink->closed()) return kClosed;
  if (const std::size_t room = sink->room(); room != 0) return room;
  if (sink->wait_writable(options_.waker)) return 0;
  return sink->closed() ? kClosed : std::max<std::size_t>(sink->room(), 1);
}

engine::HttpFailure ComponentHost::failure(std::uint32_t stream) {
  return number_of(read_failure(stream).value_or(OutboundFailure::kInternalError));
}

const http::Fields* ComponentHost::trailers_of(std::uint32_t stream) const {
  if (stream == engine::stream::kRequestBody) {
    return options_.http != nullptr ? options_.http->request_trailers() : nullptr;
  }
  const capability::OutboundCall* const under_way = call_of(stream);
  return under_way != nullptr ? under_way->response_trailers() : nullptr;
}

std::optional<engine::HttpField> ComponentHost::trailer(std::uint32_t stream, std::size_t index) {
  const http::Fields* const trailers = trailers_of(stream);
  return trailers != nullptr ? field_at(*trailers, index) : std::nullopt;
}

bool ComponentHost::finish(std::uint32_t stream, std::span<const engine::HttpField> trailers) {
  http::Fields fields(capability::kOutboundFields);
  const bool fits = append_all(fields, trailers);
  const http::Fields* const sent = fits && !fields.empty() ? &fields : nullptr;
  if (stream == engine::stream::kResponseBody && options_.http != nullptr) {
    return options_.http->finish_response(sent) && fits;
  }
  if (capability::OutboundCall* const under_way = call_of(stream); under_way != nullptr) {
    under_way->finish_request(sent);
  }
  return fits;
}

void ComponentHost::abort(std::uint32_t stream) {
  if (stream == engine::stream::kResponseBody) {
    if (options_.http != nullptr) options_.http->abort_response();
    return;
  }
  // A call that takes no more of its body has nothing left to abort: what it answered stays.
  capability::OutboundCall* const under_way = call_of(stream);
  if (under_way == nullptr || under_way->request_body().closed()) return;
  calls_[*number_of_call(stream)].call.reset();
}

std::optional<engine::HttpField> ComponentHost::configured(std::size_t index) {
  if (index >= options_.configuration.size()) return std::nullopt;
  const auto& [name, value] = options_.configuration[index];
  return engine::HttpField{name, value};
}

// --- The request that is answered ---------------------------------------------------------------

std::optional<engine::HttpRequestHead> ComponentHost::request() {
  if (options_.http == nullptr) return std::nullopt;
  const http::Request& request = options_.http->request();
  return engine::HttpRequestHead{.method = request.method,
                                 .scheme = options_.http->scheme(),
                                 .authority = or_absent(request.host),
                                 .path_with_query = path_with_query(request),
                                 .fields = {}};
}

std::optional<engine::HttpField> ComponentHost::request_field(std::size_t index) {
  if (options_.http == nullptr) return std::nullopt;
  return field_at(options_.http->request().fields, index);
}

bool ComponentHost::respond(std::uint16_t status, std::span<const engine::HttpField> fields) {
  http::Fields all;
  if (options_.http == nullptr || !append_all(all, fields)) return false;
  return options_.http->respond(status, all);
}

void ComponentHost::respond_with_error(std::string_view text) {
  if (options_.http != nullptr) options_.http->respond_with_error(text);
}

// --- Requests to others -------------------------------------------------------------------------

// Null: there is no client.
capability::OutboundHttp* ComponentHost::outbound() {
  if (outbound_ == nullptr && options_.outbound != nullptr) {
    auto grant = options_.outbound_grant;
    if (grant == nullptr) {
      grant = std::make_shared<const capability::OutboundGrant>(
          capability::OutboundGrant{.function = std::string(options_.function)});
    }
    outbound_ = options_.outbound->open(std::move(grant));
  }
  return outbound_.get();
}

engine::ComponentHost::Sent ComponentHost::send(const engine::HttpRequestHead& head) {
  if (outbound() == nullptr) return {{}, number_of(OutboundFailure::kDenied)};
  capability::OutboundRequest request;
  request.method = head.method;
  request.scheme = head.scheme.data() != nullptr ? head.scheme : "https";
  request.authority = head.authority;
  request.path_with_query = head.path_with_query.empty() ? "/" : head.path_with_query;
  for (const engine::HttpField& field : head.fields) {
    if (!request.fields.append(field.name, field.value)) {
      return {{}, number_of(OutboundFailure::kHttpRequestHeaderSectionSize)};
    }
  }
  request.connect_timeout = duration(head.connect_timeout);
  request.first_byte_timeout = duration(head.first_byte_timeout);
  request.between_bytes_timeout = duration(head.between_bytes_timeout);
  auto started = outbound_->start(std::move(request));
  if (!started) return {{}, number_of(started.error())};
  auto free = std::find_if(calls_.begin(), calls_.end(), [](const Slot& s) { return !s.taken; });
  if (free == calls_.end()) free = calls_.insert(free, Slot());
  *free = {.taken = true, .call = *std::move(started)};
  return {static_cast<std::uint32_t>(free - calls_.begin()), 0};
}

engine::HttpResponseState ComponentHost::wait_response(std::uint32_t number) {
  using Kind = engine::HttpResponseState::Kind;
  capability::OutboundCall* const under_way = call(number);
  if (under_way == nullptr) {
    return {Kind::kFailed, 0, number_of(OutboundFailure::kConnectionTerminated)};
  }
  if (under_way->state() == OutboundState::kPending) under_way->wait_response(options_.waker);
  switch (under_way->state()) {
    case OutboundState::kPending: return {};
    case OutboundState::kFailed: return {Kind::kFailed, 0, number_of(under_way->failure())};
    case OutboundState::kResponse: break;
  }
  return {Kind::kResponse, static_cast<std::uint16_t>(under_way->response().status), 0};
}

std::optional<engine::HttpField> ComponentHost::response_field(std::uint32_t number,
                                                               std::size_t index) {
  const capability::OutboundCall* const under_way = call(number);
  if (under_way == nullptr || under_way->state() != OutboundState::kResponse) return std::nullopt;
  return field_at(under_way->response().fields, index);
}

void ComponentHost::drop_call(std::uint32_t number) {
  if (number < calls_.size()) calls_[number] = {};
}

}  // namespace godwit::wasi
