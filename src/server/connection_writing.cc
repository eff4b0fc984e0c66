// What leaves: response head and body → socket. connection.h has the whole.
#include <algorithm>
#include <array>
#include <cerrno>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/check.h"
#include "server/connection.h"

namespace godwit::server {
namespace {

using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds kLingerTime{2000};
constexpr std::size_t kMaxSpans = 10;
// What the kernel takes of a response that its client does not read, besides what is on its way.
constexpr int kMaxUnsentBytes = 128 << 10;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

void Connection::respond(const http::ResponseHead& head,
                         std::optional<std::uint64_t> content_length) noexcept {
  if (closes_if_refused_) keep_alive_ = false;
  const http::ResponseOptions options{.version = version_,
                                      .head_request = head_request_,
                                      .keep_alive = keep_alive_,
                                      .content_length = content_length};
  auto framing = http::append_response_head(out_, head, options, set_.dates_);
  CHECK(framing.has_value(), framing ? std::string() : framing.error().text());
  framing_ = framing->body;
  keep_alive_ = framing->keep_alive;
  responding_ = true;
  chunk_left_ = 0;
  last_chunk_queued_ = false;
  if (!in_exchange_call_) wake();
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
    if (const http::Fields* const trailers = exchange_.response_trailers(); trailers != nullptr) {
      http::append_last_chunk(out_, *trailers);
    } else {
      out_ += http::kLastChunk;
    }
    last_chunk_queued_ = true;
  }
}

// What follows the open chunk's last byte; the end of the body with it when that is known.
std::string_view Connection::chunk_tail() {
  static const std::string kEndAndLast =
      std::string(http::kChunkEnd) + std::string(http::kLastChunk);
  const http::BodyPipe& body = exchange_.response_body();
  const bool last =
      body.finished() && chunk_left_ == body.size() && exchange_.response_trailers() == nullptr;
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
  const TimePoint started = monotonic_now();
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  const TimePoint done = monotonic_now();
  // A flood of output costs more here than in the guest.
  exchange_.charge(done - started);
  if (sent < 0) {
    if (would_block(errno) || errno == EINTR) {
      want_write();
    } else {
      lose();
    }
    return false;
  }
  last_progress_ = done;
  account_sent(static_cast<std::size_t>(sent), tail);
  return true;
}

// Takes what was sent off the framing, the pipe and the open chunk, in this order; a part of `tail`
// that did not go out goes first next time.
void Connection::account_sent(std::size_t sent, std::string_view tail) {
  const std::size_t of_framing = std::min(sent, out_.size() - out_sent_);
  out_sent_ += of_framing;
  sent_bytes_ += sent;
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
  if (intake_ == Intake::kComplete) return;
  // The response came before the request was whole: the rest is read and dropped.
  if (keep_alive_ || intake_ == Intake::kBody) intake_ = Intake::kDiscard;
}

void Connection::want_write() {
  if (writing_ || intake_ == Intake::kClosed) return;
  writing_ = true;
  if (!buffer_bounded_) {
    buffer_bounded_ = true;
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMaxUnsentBytes,
                 sizeof(kMaxUnsentBytes));
  }
  const TimePoint now = monotonic_now();
  see_what_was_taken(now);
  response_pace_.wait(now);
  arm_by(response_pace_.due());
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->writing_ = false;
                       if (error || self->intake_ == Intake::kClosed) return;
                       const TimePoint later = monotonic_now();
                       self->see_what_was_taken(later);
                       self->response_pace_.pause(later);
                       self->advance();
                     });
}

// How much of what was sent has arrived. The socket becomes writable in large steps only: by those
// alone a slow reader could not be told from one that has stopped.
void Connection::see_what_was_taken(TimePoint now) {
  int queued = 0;
  if (::ioctl(socket_.native_handle(), SIOCOUTQ, &queued) != 0 || queued < 0) return;
  const std::uint64_t taken = sent_bytes_ - std::min<std::uint64_t>(sent_bytes_, queued);
  response_pace_.moved(taken - std::min(taken, taken_bytes_), now);
  taken_bytes_ = std::max(taken, taken_bytes_);
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
  disarm();
  arm_by(linger_until_);
  want_read();
}

}  // namespace godwit::server
