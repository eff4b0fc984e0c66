// What arrives: bytes → parser → request, body. connection.h has the whole.
#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "base/check.h"
#include "server/connection.h"

namespace godwit::server {
namespace {

// What is read and dropped of a body that nobody wants before the connection is given up; cheaper
// than a new connection up to about this size.
constexpr std::uint64_t kMaxDiscardBytes = std::uint64_t{256} << 10;
constexpr std::size_t kLargeReadBytes = std::size_t{16} << 10;

}  // namespace

// The buffer is the connection's own: the bytes may have been read some time before the handler
// runs. Reading is tried at once and waits without a further system call.
void Connection::want_read() {
  if (reading_ || intake_ == Intake::kClosed || read_ended_) return;
  reading_ = true;
  socket_.async_receive(
      boost::asio::buffer(read_buffer_),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
        self->reading_ = false;
        self->on_read(error, size);
      });
}

// True when bytes that arrive now could be used.
bool Connection::can_take_input() const {
  switch (intake_) {
    case Intake::kHead:
    case Intake::kBody:
    case Intake::kDiscard: return held_.empty();  // else what is held comes first
    case Intake::kLinger: return true;
    case Intake::kComplete:
    case Intake::kClosed: return false;
  }
  return false;
}

void Connection::on_read(const boost::system::error_code& error, std::size_t size) {
  if (intake_ == Intake::kClosed || error == boost::asio::error::operation_aborted) return;
  if (error && error != boost::asio::error::eof) return lose();
  if (error) {
    on_read_end();
    return advance();
  }
  last_progress_ = monotonic_now();
  if (IdleLink::is_linked()) {
    set_.idle_.erase(set_.idle_.iterator_to(*this));
    head_started_ = last_progress_;
  }
  body_pace_.moved(size, last_progress_);
  feed(ByteSpan(read_buffer_).first(size));
  // A body that comes faster than this is read in larger pieces; an idle connection stays small.
  const bool full = size == read_buffer_.size() && intake_ == Intake::kBody;
  if (full && set_.width_ == http::BodyPipe::Width::kFull) read_buffer_.resize(kLargeReadBytes);
  advance();
}

// A head of tens of KiB that never ends must not hold memory when there is little.
void Connection::on_half_head() {
  if (parser_.idle()) return become_idle();  // an empty line before the request
  arm_by(head_started_ + spread(set_.limits_.head));
  recharge();
  if (set_.has_memory()) return;
  set_.count_refused(observe::ConnectionRefusal::kMemory);
  refuse_half_head(ErrorCode::kConnectionMemory);
}

// The client will send no more. It may still read (a half-closed connection), so a request that
// is whole is answered.
void Connection::on_read_end() {
  read_ended_ = true;
  keep_alive_ = false;
  switch (intake_) {
    case Intake::kHead:
      if (!responding_) close_now();
      break;
    case Intake::kBody:
      // The rest of the body will never come.
      intake_ = Intake::kDiscard;
      exchange_.request_body().abort(ErrorCode::kBadRequest);
      exchange_.fail_request(ErrorCode::kBadRequest);
      break;
    case Intake::kLinger: close_now(); break;
    default: break;
  }
}

// Feeds the parser as far as the states allow; what is left over is held.
void Connection::feed(ByteSpan input) {
  while (!input.empty() || parser_has_event_) {
    parser_has_event_ = false;
    if (!feed_step(input)) break;
  }
  hold(input);
  if (intake_ == Intake::kHead) on_half_head();
}

// One event of the parser. False: nothing more can be fed now.
bool Connection::feed_step(ByteSpan& input) {
  ByteSpan fed = input;
  if (broken_input_) {
    input = {};
    return false;
  }
  switch (intake_) {
    case Intake::kLinger:
    case Intake::kClosed: input = {}; return false;
    case Intake::kComplete: return false;
    case Intake::kBody:
      if (!exchange_.request_body().abandoned()) {
        const std::size_t room = exchange_.request_body().writable_bytes();
        if (room == 0 && !input.empty()) {
          exchange_.request_body().wait_writable(*this);
          return false;
        }
        fed = fed.first(std::min(fed.size(), room));
      }
      break;
    case Intake::kHead:
    case Intake::kDiscard: break;
  }
  const http::Parser::Step step = parser_.feed(fed);
  input = input.subspan(step.consumed);
  switch (step.event) {
    case http::Event::kNeedMore: return !input.empty();
    case http::Event::kHead: on_head(); break;
    case http::Event::kBody: on_body(step.body); break;
    case http::Event::kComplete: on_message_complete(); return false;
    case http::Event::kError:
      on_parse_error();
      input = {};
      return false;
  }
  // The end of a message without (further) body bytes is an event that needs no input.
  parser_has_event_ = true;
  return true;
}

void Connection::hold(ByteSpan rest) {
  if (rest.data() == held_.data() && rest.size() == held_.size()) return;
  held_.assign(rest.begin(), rest.end());
}

void Connection::on_head() {
  const http::Request& request = parser_.request();
  version_ = request.version;
  head_request_ = request.is_head();
  const std::uint32_t requests_max = set_.limits_.requests_per_connection;
  ++requests_;
  const bool last = requests_max > 0 && requests_ >= requests_max;
  keep_alive_ = request.keep_alive && !last && !set_.draining() && !read_ended_;
  if (!set_.has_memory()) {
    set_.count_refused(observe::ConnectionRefusal::kMemory);
    keep_alive_ = false;
    intake_ = Intake::kDiscard;
    return refuse(ErrorCode::kConnectionMemory, &request);
  }
  begin_exchange();
  // A client that waits for 100-continue will not send the body after a final response, but it may:
  // the connection can't be used again.
  closes_if_refused_ = request.has_body() && request.expect_continue();
  in_exchange_call_ = true;
  exchange_.open(request, client_);
  in_exchange_call_ = false;
  closes_if_refused_ = false;
  if (exchange_.responded()) {
    intake_ = Intake::kDiscard;
    return;
  }
  intake_ = Intake::kBody;
  start_pending_ = true;
  if (request.has_body() && request.expect_continue()) out_ += http::kContinueResponse;
}

void Connection::on_body(ByteSpan body) {
  if (intake_ == Intake::kBody && !exchange_.request_body().abandoned()) {
    if (parser_.body_bytes() > exchange_.request_body_limit()) {
      intake_ = Intake::kDiscard;
      return fail_request(ErrorCode::kRequestBodyTooLarge);
    }
    const std::size_t written = exchange_.request_body().write(body);
    CHECK(written == body.size(), written, body.size());  // no more than its room was fed
    return;
  }
  discarded_ += body.size();
  if (discarded_ > kMaxDiscardBytes) keep_alive_ = false;
}

void Connection::fail_request(ErrorCode code) {
  start_pending_ = false;
  in_exchange_call_ = true;
  exchange_.request_body().abort(code);
  exchange_.fail_request(code);
  in_exchange_call_ = false;
}

void Connection::on_message_complete() {
  if (intake_ == Intake::kBody) {
    exchange_.set_request_trailers(parser_.trailers());
    exchange_.request_body().finish();
  }
  intake_ = Intake::kComplete;
}

void Connection::on_parse_error() {
  const ErrorCode code = parser_.error().code;
  keep_alive_ = false;
  // Within a body: the request has its answer already, or gets it from fail_request(); a second
  // one would be taken for the next request's.
  if (intake_ == Intake::kHead) {
    refuse(code);
  } else if (intake_ == Intake::kBody && exchange_open_) {
    fail_request(code);
  }
  intake_ = Intake::kDiscard;
  broken_input_ = true;
}

// Answers what could not be read as a request, or is not looked at.
void Connection::refuse(ErrorCode code, const http::Request* request) {
  begin_exchange();
  in_exchange_call_ = true;
  exchange_.refuse(code, client_, request);
  in_exchange_call_ = false;
}

// The rest of the head is not waited for: the client is told, then the connection closes.
void Connection::refuse_half_head(ErrorCode code) {
  keep_alive_ = false;
  refuse(code);
  intake_ = Intake::kDiscard;
  broken_input_ = true;
  parser_.reset();
}

bool Connection::can_feed_held() {
  switch (intake_) {
    case Intake::kHead:
    case Intake::kDiscard: return true;
    case Intake::kBody:
      return exchange_.request_body().abandoned() || exchange_.request_body().writable_bytes() > 0;
    default: return false;
  }
}

void Connection::feed_held() {
  Bytes input;
  input.swap(held_);
  feed(input);
}

}  // namespace godwit::server
