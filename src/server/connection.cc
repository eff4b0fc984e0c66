#include "server/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"

namespace godwit::server {
namespace {

using boost::asio::ip::tcp;

// What is read and dropped of a body that nobody wants before the connection is given up; cheaper
// than a new connection up to about this size.
constexpr std::uint64_t kMaxDiscardBytes = std::uint64_t{256} << 10;
constexpr std::chrono::milliseconds kLingerTime{2000};
// A guest that computes for longer is ended when its client resets the connection.
constexpr std::chrono::milliseconds kWatchDelay{50};
constexpr std::size_t kMaxSpans = 10;
constexpr std::size_t kReadBytes = std::size_t{4} << 10;
constexpr std::size_t kLargeReadBytes = std::size_t{16} << 10;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

std::string address_text(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string("-") : endpoint.address().to_string();
}

std::uint16_t local_port(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.local_endpoint(error);
  return error ? std::uint16_t{0} : endpoint.port();
}

}  // namespace

// --- ConnectionSet ------------------------------------------------------------------------------

void ConnectionSet::add(tcp::socket socket) {
  std::make_shared<Connection>(std::move(socket), *this)->open();
}

void ConnectionSet::drain() {
  draining_ = true;
  for (Connection* c = first_; c != nullptr;) {
    Connection* next = c->next_;
    c->drain();
    c = next;
  }
}

void ConnectionSet::close_all() {
  for (Connection* c = first_; c != nullptr;) {
    Connection* next = c->next_;
    c->close_now();
    c = next;
  }
}

// --- Life ---------------------------------------------------------------------------------------

Connection::Connection(tcp::socket socket, ConnectionSet& set)
    : socket_(std::move(socket)),
      set_(set),
      exchange_(set.gateway(), *this),
      read_buffer_(kReadBytes) {
  next_ = set_.first_;
  if (next_ != nullptr) next_->previous_ = this;
  set_.first_ = this;
  ++set_.count_;
  if (auto* const metrics = set_.gateway().options().metrics) metrics->connection_opened();
}

Connection::~Connection() {
  (previous_ != nullptr ? previous_->next_ : set_.first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  --set_.count_;
  if (auto* const metrics = set_.gateway().options().metrics) metrics->connection_closed();
}

void Connection::open() {
  self_ = shared_from_this();
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
  client_.text = address_text(socket_);
  client_.local_port = local_port(socket_);
  last_progress_ = monotonic_now();
  arm_timer(set_.timeouts().head);
  want_read();
}

void Connection::drain() {
  if (intake_ == Intake::kHead && parser_.idle() && !responding_) return close_now();
  keep_alive_ = false;
  wake();  // it may only wait for the rest of a body that nobody wants
}

void Connection::close_now() {
  if (intake_ == Intake::kClosed) return;
  const auto self = std::move(self_);  // until the end of this function
  const bool in_request = exchange_open_;
  intake_ = Intake::kClosed;
  disarm();
  if (in_request) {
    exchange_.cancel();
    close_exchange(false);
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// Aborted visibly: the client gets a reset instead of an end that looks like a whole answer.
void Connection::reset_now() {
  if (intake_ == Intake::kClosed) return;
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close_now();
}

void Connection::close_exchange(bool complete) {
  exchange_open_ = false;
  responding_ = false;
  exchange_.close(
      {.body_bytes = body_sent_, .complete = complete, .request_body_bytes = parser_.body_bytes()});
}

// --- Reading ------------------------------------------------------------------------------------

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
    case Intake::kDiscard:
    case Intake::kLinger: return true;
    case Intake::kBody: return held_.empty();
    case Intake::kComplete:
    case Intake::kClosed: return false;
  }
  return false;
}

void Connection::on_read(const boost::system::error_code& error, std::size_t size) {
  if (intake_ == Intake::kClosed || error == boost::asio::error::operation_aborted) return;
  if (error && error != boost::asio::error::eof) return close_now();
  if (error) {
    on_read_end();
    return advance();
  }
  last_progress_ = monotonic_now();
  if (intake_ == Intake::kHead && parser_.idle()) head_started_ = last_progress_;
  feed(ByteSpan(read_buffer_).first(size));
  // A body that comes faster than this is read in larger pieces; an idle connection stays small.
  if (size == read_buffer_.size() && intake_ == Intake::kBody) read_buffer_.resize(kLargeReadBytes);
  advance();
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
  keep_alive_ = request.keep_alive && !set_.draining() && !read_ended_;
  body_sent_ = 0;
  discarded_ = 0;
  exchange_open_ = true;
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
  if (intake_ == Intake::kBody) exchange_.request_body().finish();
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

// Answers what could not be read as a request.
void Connection::refuse(ErrorCode code) {
  exchange_open_ = true;
  body_sent_ = 0;
  in_exchange_call_ = true;
  exchange_.refuse(code, client_);
  in_exchange_call_ = false;
}

// --- Going on -----------------------------------------------------------------------------------

// Does what can be done now, and arms what must be waited for. Called after anything happened.
void Connection::advance() {
  const auto self = shared_from_this();
  while (intake_ != Intake::kClosed) {
    if (start_pending_) {
      start_pending_ = false;
      in_exchange_call_ = true;
      exchange_.start();
      in_exchange_call_ = false;
    }
    // A response that can't go on must not hold the request's body back, nor the other way round.
    const bool flushed = flush();
    if (intake_ == Intake::kClosed) return;
    if (flushed && !exchange_open_ && intake_ == Intake::kComplete && keep_alive_) {
      next_request();
      continue;
    }
    // Bytes that had to wait may be fed now.
    if (held_.empty() || !can_feed_held()) break;
    feed_held();
  }
  if (intake_ == Intake::kClosed) return;
  if (!exchange_open_ && !keep_alive_ && intake_ != Intake::kLinger) {
    if (intake_ == Intake::kComplete || intake_ == Intake::kDiscard) return linger();
  }
  if (can_take_input()) {
    want_read();
  } else if (exchange_.waiting() || responding_) {
    watch_for_loss();
  } else if (exchange_.running()) {
    // Most guests are done in their next slice; only one that goes on is worth the watching.
    arm_timer(kWatchDelay);
  }
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

void Connection::next_request() {
  parser_.next();
  if (read_buffer_.size() > kReadBytes && !reading_) {
    read_buffer_.resize(kReadBytes);
    read_buffer_.shrink_to_fit();
  }
  version_ = http::Version::kHttp11;
  head_request_ = false;
  intake_ = Intake::kHead;
  watch_spent_ = false;
  last_progress_ = monotonic_now();
  head_started_ = last_progress_;  // it may be held already
  if (set_.draining() || (read_ended_ && held_.empty())) close_now();
}

// --- Writing ------------------------------------------------------------------------------------

void Connection::respond(const http::ResponseHead& head,
                         std::optional<std::uint64_t> content_length) noexcept {
  if (closes_if_refused_) keep_alive_ = false;
  const http::ResponseOptions options{.version = version_,
                                      .head_request = head_request_,
                                      .keep_alive = keep_alive_,
                                      .content_length = content_length};
  auto framing = http::append_response_head(out_, head, options, set_.dates());
  CHECK(framing.has_value(), framing ? std::string() : framing.error().text());
  framing_ = framing->body;
  keep_alive_ = framing->keep_alive;
  responding_ = true;
  chunk_left_ = 0;
  last_chunk_queued_ = false;
  if (!in_exchange_call_) wake();
}

void Connection::expire() noexcept {
  expired_ = true;
  wake();
}

void Connection::wake() noexcept {
  if (wake_posted_ || intake_ == Intake::kClosed) return;
  wake_posted_ = true;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->wake_posted_ = false;
    self->advance();
  });
}

// Sends what can be sent. True when a response was completed by it (or there was nothing to do).
bool Connection::flush() {
  if (expired_) {
    reset_now();
    return false;
  }
  while (out_sent_ < out_.size() || responding_) {
    if (responding_ && framing_ == http::BodyFraming::kNone) discard_response_body();
    queue_chunk();
    if (!write_some()) return false;
    if (!responding_) continue;
    const http::BodyPipe& body = exchange_.response_body();
    if (out_sent_ == out_.size() && chunk_left_ == 0) {
      if (body.aborted() && (body.empty() || framing_ == http::BodyFraming::kNone)) {
        end_response(false);
        return false;
      }
      if (body.at_end() && (framing_ != http::BodyFraming::kChunked || last_chunk_queued_)) {
        end_response(true);
        return true;
      }
      if (body.empty() && !body.finished()) {
        exchange_.response_body().wait_readable(*this);
        return false;
      }
    }
  }
  return true;
}

// A response to HEAD, or of a status without body: what the guest prints is dropped.
void Connection::discard_response_body() {
  http::BodyPipe& body = exchange_.response_body();
  body.consume(body.size());
}

// Opens the next chunk over all that the pipe holds now.
void Connection::queue_chunk() {
  if (!responding_ || framing_ != http::BodyFraming::kChunked || chunk_left_ > 0) return;
  const http::BodyPipe& body = exchange_.response_body();
  if (!body.empty()) {
    chunk_left_ = body.size();
    http::append_chunk_head(out_, chunk_left_);
  } else if (body.at_end() && !last_chunk_queued_) {
    out_ += http::kLastChunk;
    last_chunk_queued_ = true;
  }
}

// What follows the open chunk's last byte; the end of the body with it when that is known.
std::string_view Connection::chunk_tail() {
  static const std::string kEndAndLast =
      std::string(http::kChunkEnd) + std::string(http::kLastChunk);
  const http::BodyPipe& body = exchange_.response_body();
  const bool last = body.finished() && chunk_left_ == body.size();
  return last ? std::string_view(kEndAndLast) : http::kChunkEnd;
}

// One sendmsg of framing and body. False: the socket is full (want_write is armed) or closed.
bool Connection::write_some() {
  http::BodyPipe& body = exchange_.response_body();
  std::array<iovec, kMaxSpans> vectors;
  std::size_t count = 0;
  const auto add = [&](const void* data, std::size_t size) {
    vectors[count++] = {const_cast<void*>(data), size};  // sendmsg only reads
  };
  const std::size_t framing_bytes = out_.size() - out_sent_;
  if (framing_bytes > 0) add(out_.data() + out_sent_, framing_bytes);
  const bool chunked = framing_ == http::BodyFraming::kChunked;
  std::string_view tail;
  if (responding_ && framing_ != http::BodyFraming::kNone) {
    std::size_t left = chunked ? chunk_left_ : body.size();
    if (chunked && left > 0) tail = chunk_tail();
    std::array<ByteSpan, kMaxSpans - 2> spans;
    const std::size_t found = body.peek(spans);
    for (std::size_t i = 0; i < found && left > 0; ++i) {
      const std::size_t size = std::min(left, spans[i].size());
      add(spans[i].data(), size);
      left -= size;
    }
    if (left > 0) tail = {};
    if (!tail.empty()) add(tail.data(), tail.size());
  }
  if (count == 0) return true;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  if (sent < 0) {
    if (would_block(errno) || errno == EINTR) {
      want_write();
    } else {
      close_now();
    }
    return false;
  }
  last_progress_ = monotonic_now();
  account_sent(static_cast<std::size_t>(sent), tail);
  return true;
}

// Takes what was sent off the framing, the pipe and the open chunk, in this order; a part of `tail`
// that did not go out goes first next time.
void Connection::account_sent(std::size_t sent, std::string_view tail) {
  const std::size_t of_framing = std::min(sent, out_.size() - out_sent_);
  out_sent_ += of_framing;
  sent -= of_framing;
  if (out_sent_ == out_.size()) {
    out_.clear();
    out_sent_ = 0;
  }
  if (!responding_ || framing_ == http::BodyFraming::kNone) return;
  http::BodyPipe& body = exchange_.response_body();
  const bool chunked = framing_ == http::BodyFraming::kChunked;
  const std::size_t of_body = std::min(sent, chunked ? chunk_left_ : body.size());
  body.consume(of_body);
  body_sent_ += of_body;
  sent -= of_body;
  if (!chunked || chunk_left_ == 0) return;
  chunk_left_ -= of_body;
  if (chunk_left_ > 0) return;
  out_.append(tail.substr(sent));
  last_chunk_queued_ = tail.size() > http::kChunkEnd.size();
}

void Connection::end_response(bool complete) {
  if (!complete) {
    // Without a length or chunks only a reset shows that the answer is not whole.
    return framing_ == http::BodyFraming::kUntilClose ? reset_now() : close_now();
  }
  close_exchange(true);
  if (intake_ == Intake::kComplete || !keep_alive_) return;
  // The response came before the request was whole: the rest is read and dropped.
  intake_ = Intake::kDiscard;
}

void Connection::want_write() {
  if (writing_ || intake_ == Intake::kClosed) return;
  writing_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->writing_ = false;
                       if (!error) self->advance();
                     });
}

// While a guest runs and nothing is to be read, a reset by the client still ends it.
void Connection::watch_for_loss() {
  if (watching_ || writing_ || watch_spent_) return;
  watching_ = true;
  socket_.async_wait(tcp::socket::wait_error,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->watching_ = false;
                       if (!error) self->check_loss();
                     });
}

void Connection::check_loss() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
      error != 0) {
    return close_now();
  }
  // Something else than a loss (urgent data): watching again would wake us again, for ever.
  watch_spent_ = true;
  advance();
}

// The last response is sent. Closing at once could destroy it on its way (unread input makes the
// kernel reset the connection, RFC 9112 section 9.6): say that no more comes, wait for the client.
void Connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  if (read_ended_) return close_now();
  broken_input_ = true;
  intake_ = Intake::kLinger;
  held_.clear();
  linger_until_ = monotonic_now() + kLingerTime;
  arm_timer(kLingerTime);
  want_read();
}

// --- Time ---------------------------------------------------------------------------------------

void Connection::arm_timer(std::chrono::milliseconds from_now) {
  set_.timers().arm(*this, monotonic_now() + from_now);
}

// The timer is not moved at every byte; when it fires it looks how long ago the last one was.
void Connection::on_timer() noexcept {
  const auto self = shared_from_this();
  const TimePoint now = monotonic_now();
  TimePoint due = now;
  switch (intake_) {
    case Intake::kClosed: return;
    case Intake::kLinger: due = linger_until_; break;
    case Intake::kHead:
      due = parser_.idle() ? last_progress_ + set_.timeouts().idle
                           : head_started_ + set_.timeouts().head;
      // A head that begins while the long idle time runs is timed as well.
      if (due > now) due = std::min(due, now + set_.timeouts().head);
      break;
    case Intake::kBody:
      // What is held waits for the guest, not for the client.
      due = (held_.empty() ? last_progress_ : now) + set_.timeouts().stall;
      break;
    case Intake::kDiscard: due = last_progress_ + set_.timeouts().stall; break;
    case Intake::kComplete:
      if (exchange_.running()) watch_for_loss();
      // The guest has limits of its own; only a client that does not read is timed here.
      due = (writing_ ? last_progress_ : now) + set_.timeouts().stall;
      break;
  }
  if (due > now) return set_.timers().arm(*this, due);
  on_timeout();
}

void Connection::on_timeout() {
  if (intake_ == Intake::kHead && !parser_.idle()) {
    // Half a head: the client is told, then the connection closes.
    keep_alive_ = false;
    refuse(ErrorCode::kRequestTimeout);
    intake_ = Intake::kDiscard;
    broken_input_ = true;
    arm_timer(set_.timeouts().stall);
    return advance();
  }
  if (intake_ == Intake::kBody && !exchange_.responded()) {
    keep_alive_ = false;
    intake_ = Intake::kDiscard;
    fail_request(ErrorCode::kRequestTimeout);
    arm_timer(set_.timeouts().stall);
    return advance();
  }
  close_now();
}

}  // namespace godwit::server
