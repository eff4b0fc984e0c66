#include "outbound/call.h"

#include <algorithm>

#include <curl/curl.h>

#include "base/check.h"
#include "http/ascii.h"
#include "http/head_rules.h"
#include "outbound/client.h"
#include "outbound/curl_options.h"
#include "outbound/policy.h"
#include "outbound/pool.h"

namespace godwit::outbound {

using capability::OutboundFailure;
using capability::OutboundState;

// --- Streams ------------------------------------------------------------------------------------

capability::ReadResult Call::ResponseBody::read(MutableByteSpan out) {
  const std::size_t size = call_.response_pipe_.read(out);
  call_.leave_when_read();
  if (size > 0) return {capability::ReadStatus::kBytes, size};
  return {over() ? capability::ReadStatus::kEnd : capability::ReadStatus::kPending, 0};
}

bool Call::ResponseBody::wait_readable(Waker* waker) {
  http::BodyPipe& pipe = call_.response_pipe_;
  if (!pipe.empty() || over()) return false;
  pipe.wait_readable(*waker);
  return true;
}

bool Call::ResponseBody::over() const {
  return call_.response_pipe_.finished() || call_.response_pipe_.aborted();
}

MutableByteSpan Call::RequestBody::prepare(std::size_t want) {
  return call_.request_pipe_.prepare(want);
}

// More than was announced or is allowed ends the call, when the guest has given way.
void Call::RequestBody::commit(std::size_t size) {
  call_.request_pipe_.commit(size);
  const std::uint64_t most =
      call_.request_.content_length.value_or(call_.pool_.grant().limits.request_body_bytes);
  if (call_.request_pipe_.total_written() <= most || closed()) return;
  call_.fail_soon(OutboundFailure::kHttpRequestBodySize);
  call_.request_pipe_.abandon();
}

bool Call::RequestBody::wait_writable(Waker* waker) {
  http::BodyPipe& pipe = call_.request_pipe_;
  if (closed() || pipe.writable_bytes() > 0) return false;
  pipe.wait_writable(*waker);
  return true;
}

// --- Life ---------------------------------------------------------------------------------------

Call::Call(Client& client, Pool& pool, CheckedRequest request, std::shared_ptr<CallCounts> counts)
    : client_(client),
      pool_(pool),
      request_(std::move(request)),
      counts_(std::move(counts)),
      self_(std::make_shared<Call*>(this)),
      timer_(client.loop().timer(*this)),
      reader_(pool.grant().limits.response_fields_bytes) {
  pool_.enter();
}

Call::~Call() {
  *self_ = nullptr;
  if (phase_ != Phase::kEnded) end();
  response_pipe_.abandon();
  leave_when_read();
  pool_.forget(*this);
  pool_.leave();
}

void Call::begin() {
  connect_until_ = monotonic_now() + request_.connect_timeout;
  timer_->arm(connect_until_);
  const manifest::Authority& target = request_.target;
  if (target.address) return use_addresses({*target.address});
  if (target.host == "localhost") {
    return use_addresses({*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")});
  }
  if (const auto* const known = pool_.known(target.host)) {
    if (known->addresses.empty()) return fail_soon(known->failure);
    return use_addresses(known->addresses);
  }
  lookup_ =
      client_.look_up(pool_.grant(), target.host, [self = self_](const Resolution& resolution) {
        if (*self != nullptr) (*self)->resolved(resolution);
      });
  if (!lookup_) fail_soon(OutboundFailure::kConnectionLimitReached);
}

void Call::resolved(const Resolution& resolution) {
  if (phase_ != Phase::kResolving) return;
  lookup_.reset();
  pool_.remember(request_.target.host, resolution);
  if (resolution.addresses.empty()) return fail(resolution.failure);
  use_addresses(resolution.addresses);
}

// Those that may be connected to; the connection itself is judged once more when it is made.
void Call::use_addresses(const std::vector<IpAddress>& addresses) {
  for (const IpAddress& address : addresses) {
    if (allowed(address)) addresses_.push_back(address);
  }
  if (addresses_.empty()) return fail_soon(OutboundFailure::kDestinationIpProhibited);
  cause_.reset();
  phase_ = Phase::kResolved;
  pool_.mark(*this);
}

bool Call::allowed(const IpAddress& address) {
  if (allows_address(pool_.grant(), request_.scheme, request_.target, address)) return true;
  client_.refused(pool_.grant(), request_.scheme, request_.target, &address);
  cause_ = OutboundFailure::kDestinationIpProhibited;
  return false;
}

void Call::finish_request(const http::Fields* trailers) {
  if (std::exchange(request_finished_, true) || phase_ == Phase::kEnded) return;
  const std::uint64_t written = request_pipe_.total_written();
  if (request_.content_length && written != *request_.content_length && !request_.is_head()) {
    return fail_soon(OutboundFailure::kHttpRequestBodySize);
  }
  if (trailers != nullptr) {
    auto lines = check_fields(*trailers, pool_.grant().limits);
    if (!lines) return fail_soon(lines.error());
    trailers_ = std::move(*lines);
  }
  request_pipe_.finish();
}

OutboundFailure Call::failure() const {
  CHECK(state_ == OutboundState::kFailed);
  return failure_;
}

bool Call::wait_response(Waker* waker) {
  if (state_ != OutboundState::kPending) return false;
  response_waker_ = waker;
  return true;
}

void Call::tell_state() {
  if (Waker* const waker = std::exchange(response_waker_, nullptr)) waker->wake();
}

void Call::wake() noexcept { pool_.mark(*this); }

void Call::attend() {
  if (phase_ == Phase::kEnded) return;
  // What a callback found is told by libcurl's end; here it is what the guest did.
  if (cause_) return fail(*cause_);
  if (phase_ == Phase::kResolved) return start_transfer();
  go_on();
}

// --- The transfer -------------------------------------------------------------------------------

// Nothing: it is not known yet, and goes in chunks.
std::optional<std::uint64_t> Call::known_length() const {
  if (request_.is_head()) return 0;
  if (request_.content_length) return request_.content_length;
  if (!request_pipe_.finished() || !trailers_.empty()) return std::nullopt;
  return request_pipe_.total_written();
}

void Call::start_transfer() {
  const auto length = known_length();
  if (length == 0U) {
    upload_done_ = true;
    request_pipe_.abandon();
  }
  easy_ = EasyHandle::make(*this, {.length = length, .addresses = addresses_});
  if (easy_ == nullptr) return fail(OutboundFailure::kInternalError);
  phase_ = Phase::kConnecting;
  if (!pool_.add(easy_->get())) return fail(OutboundFailure::kInternalError);
  pool_.kick();
}

// One of the pipes has moved: what was paused for it goes on.
void Call::go_on() {
  const bool upload = upload_paused_ && (!request_pipe_.empty() || request_pipe_.finished());
  const bool download = download_paused_ && response_pipe_.writable_bytes() >=
                                                static_cast<std::size_t>(CURL_MAX_WRITE_SIZE);
  if (upload) upload_paused_ = false;
  if (download) download_paused_ = false;
  if (!upload && !download) {
    if (upload_paused_) request_pipe_.wait_readable(*this);
    return;
  }
  last_progress_ = monotonic_now();
  const int paused =
      (upload_paused_ ? CURLPAUSE_SEND : 0) | (download_paused_ ? CURLPAUSE_RECV : 0);
  // Calls back at once when it holds something.
  if (const CURLcode code = ::curl_easy_pause(easy_->get(), paused); code != CURLE_OK) {
    return on_end(code);
  }
  pool_.kick();
}

bool Call::on_socket_address(const sockaddr& address) {
  const auto known = IpAddress::of(address);
  return known && port_of(address) == request_.target.port && allowed(*known);
}

// Also of a connection that was kept.
bool Call::on_connected(std::string_view address, int port) {
  const auto known = IpAddress::parse(address);
  if (!known || port != request_.target.port || !allowed(*known)) {
    cause_ = OutboundFailure::kDestinationIpProhibited;
    return false;
  }
  cause_.reset();  // of an address that was passed over
  phase_ = Phase::kExchange;
  last_progress_ = monotonic_now();
  timer_->arm(deadline());
  return true;
}

bool Call::on_header(std::string_view line) {
  last_progress_ = monotonic_now();
  const auto read = reader_.read(line);
  if (!read) {
    cause_ = read.error();
    return false;
  }
  if (*read != ResponseLine::kHeadEnd) return true;
  const http::ResponseHead& head = reader_.head();
  if (!request_.is_head() && !http::status_has_no_body(head.status)) {
    const auto length = head.fields.get("content-length");
    if (length) response_length_ = http::parse_content_length(*length);
  }
  replay_.clear();
  state_ = OutboundState::kResponse;
  timer_->arm(deadline());
  tell_state();
  return true;
}

bool Call::whole_at(std::uint64_t size) const {
  return response_length_ && size == *response_length_;
}

Call::Answer Call::on_body(ByteSpan bytes) {
  if (state_ != OutboundState::kResponse) {
    cause_ = OutboundFailure::kHttpProtocolError;
    return Answer::kAbort;
  }
  if (response_pipe_.writable_bytes() < bytes.size()) {
    download_paused_ = true;
    response_pipe_.wait_writable(*this);
    return Answer::kPause;
  }
  last_progress_ = monotonic_now();
  received_ += bytes.size();
  if (received_ > pool_.grant().limits.response_body_bytes) {
    cause_ = OutboundFailure::kHttpResponseBodySize;
    return Answer::kAbort;
  }
  const std::size_t written = response_pipe_.write(bytes);
  CHECK(written == bytes.size(), written, bytes.size());
  // libcurl says so when the request is whole as well, which may wait for this.
  if (!upload_done_ && whole_at(received_)) response_pipe_.finish();
  return Answer::kGoOn;
}

Call::Upload Call::on_upload(MutableByteSpan room) {
  last_progress_ = monotonic_now();
  if (replay_position_ < replay_.size()) {
    const std::size_t size = std::min(room.size(), replay_.size() - replay_position_);
    std::copy_n(as_bytes(replay_).begin() + static_cast<std::ptrdiff_t>(replay_position_), size,
                room.begin());
    replay_position_ += size;
    return {Answer::kGoOn, size};
  }
  const std::size_t size = request_pipe_.read(room);
  if (size > 0) {
    uploaded_ += size;
    if (request_.is_idempotent() && uploaded_ <= kReplayBytes &&
        state_ == OutboundState::kPending) {
      replay_ += as_text(room.first(size));
      replay_position_ = replay_.size();
    }
    return {Answer::kGoOn, size};
  }
  if (request_pipe_.finished()) {
    upload_done_ = true;
    return {Answer::kGoOn, 0};
  }
  if (request_pipe_.abandoned()) return {Answer::kAbort, 0};
  upload_paused_ = true;
  request_pipe_.wait_readable(*this);
  return {Answer::kPause, 0};
}

// A kept connection was closed before anything came back: from the beginning, on a new one.
bool Call::on_rewind() {
  if (uploaded_ != replay_.size()) return false;
  replay_position_ = 0;
  upload_done_ = false;
  return true;
}

// --- Its end ------------------------------------------------------------------------------------

CallStage Call::stage() const {
  if (phase_ != Phase::kExchange) return CallStage::kConnecting;
  return state_ == OutboundState::kPending ? CallStage::kRequest : CallStage::kBody;
}

void Call::on_end(int code) {
  if (phase_ == Phase::kEnded) return;
  if (code != CURLE_OK) {
    return fail(cause_ ? *cause_ : failure_of(easy_->end(code, stage())));
  }
  if (state_ == OutboundState::kPending) return fail(OutboundFailure::kHttpResponseIncomplete);
  end();
  response_pipe_.finish();
}

// Not within a call of the guest's.
void Call::fail(OutboundFailure failure) {
  if (phase_ == Phase::kEnded) return;
  end();
  if (state_ == OutboundState::kPending) {
    failure_ = failure;
    state_ = OutboundState::kFailed;
  } else if (!response_pipe_.finished()) {
    body_failure_ = failure;
  }
  response_pipe_.abort(ErrorCode::kInternal);
  tell_state();
}

void Call::fail_soon(OutboundFailure failure) {
  if (!cause_ || *cause_ != OutboundFailure::kDestinationIpProhibited) cause_ = failure;
  pool_.mark(*this);
}

// Lets go of everything but what the guest still reads.
void Call::end() {
  phase_ = Phase::kEnded;
  timer_->cancel();
  lookup_.reset();
  if (easy_ != nullptr) pool_.remove(easy_->get());
  easy_.reset();
  request_pipe_.abandon();
  --counts_->under_way;
  leave_when_read();
}

// An answer that waits to be read takes memory: it has its place for as long.
void Call::leave_when_read() {
  if (phase_ != Phase::kEnded || !response_pipe_.empty()) return;
  if (std::exchange(has_place_, false)) client_.leave(pool_);
}

TimePoint Call::deadline() const {
  if (phase_ != Phase::kExchange) return connect_until_;
  return last_progress_ + (state_ == OutboundState::kPending ? request_.first_byte_timeout
                                                             : request_.between_bytes_timeout);
}

void Call::on_timer() noexcept {
  if (phase_ == Phase::kEnded) return;
  const TimePoint now = monotonic_now();
  // The guest's own silence is not the peer's; its own time is limited elsewhere.
  if (phase_ == Phase::kExchange && (upload_paused_ || download_paused_)) last_progress_ = now;
  if (phase_ == Phase::kConnecting || phase_ == Phase::kExchange) {
    const TimePoint due = deadline();
    if (now < due) return timer_->arm(due);
  }
  switch (phase_) {
    case Phase::kResolving: return fail(OutboundFailure::kDnsTimeout);
    case Phase::kExchange:
      return fail(!upload_done_ && state_ == OutboundState::kPending && !request_pipe_.empty()
                      ? OutboundFailure::kConnectionWriteTimeout
                      : OutboundFailure::kConnectionReadTimeout);
    default: return fail(OutboundFailure::kConnectionTimeout);
  }
}

}  // namespace godwit::outbound
