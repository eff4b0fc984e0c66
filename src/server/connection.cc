#include "server/connection.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>
#include <boost/asio/post.hpp>

#include "base/check.h"

namespace godwit::server {
namespace {

using boost::asio::ip::tcp;
using http::BodyPipe;

constexpr std::size_t kReadBytes = std::size_t{4} << 10;
// A new connection is not closed for another before this.
constexpr std::chrono::milliseconds kFirstRequestTime{1000};
// What out_ may keep between requests.
constexpr std::size_t kKeptOutBytes = std::size_t{4} << 10;
// What is not counted one by one: the parser's state and fields, the reactor's, allocators' heads.
constexpr std::size_t kBaseBytes = sizeof(Connection) + (std::size_t{4} << 10);

std::uint16_t local_port(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.local_endpoint(error);
  return error ? std::uint16_t{0} : endpoint.port();
}

// What a pipe may come to hold beyond what it holds now when memory is scarce.
std::size_t growth_to_come(const BodyPipe& pipe) {
  const std::size_t capacity = pipe.capacity_bytes();
  return BodyPipe::kNarrowCapacityBytes - std::min(BodyPipe::kNarrowCapacityBytes, capacity);
}

}  // namespace

// --- Life ---------------------------------------------------------------------------------------

Connection::Connection(tcp::socket socket, const tcp::endpoint& peer, ConnectionSet& set)
    : socket_(std::move(socket)),
      peer_(peer),
      set_(set),
      number_(++set.last_number_),
      exchange_(set.gateway_, *this),
      read_buffer_(kReadBytes) {
  set_.all_.push_back(*this);
  if (auto* const metrics = set_.gateway_.options().metrics) metrics->connection_opened();
}

Connection::~Connection() {
  set_.charge(charged_bytes_, 0);
  set_.all_.erase(set_.all_.iterator_to(*this));
  if (auto* const metrics = set_.gateway_.options().metrics) metrics->connection_closed();
}

void Connection::open() {
  self_ = shared_from_this();
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
  client_.text = peer_.address().to_string();
  client_.local_port = local_port(socket_);
  set_width(set_.width_);
  last_progress_ = monotonic_now();
  become_idle();
  arm_by(last_progress_ + spread(set_.limits_.idle));
  want_read();
}

void Connection::become_idle() { set_.idle_.push_back(*this); }

bool Connection::close_if_idle() {
  // Who has only just connected is about to say something; closing it for another helps nobody.
  const bool new_here = requests_ == 0 && monotonic_now() < last_progress_ + kFirstRequestTime;
  if (new_here) return false;
  char byte = 0;
  // What has arrived and is not read yet is a request on its way.
  if (::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return false;
  close_now();
  return true;
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
  if (IdleLink::is_linked()) set_.idle_.erase(set_.idle_.iterator_to(*this));
  if (in_request) {
    exchange_.cancel();
    close_exchange(false);
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
  set_.quota_.leave(peer_.address());
}

// The client is gone.
void Connection::lose() {
  if (exchange_open_) ++set_.counts_.lost;
  close_now();
}

// Aborted visibly: the client gets a reset instead of an end that looks like a whole answer.
void Connection::reset_now() {
  if (intake_ == Intake::kClosed) return;
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close_now();
}

void Connection::begin_exchange() {
  exchange_open_ = true;
  body_sent_ = 0;
  discarded_ = 0;
  const Pace::Terms terms{.patience = spread(set_.limits_.stall),
                          .min_rate_bytes = set_.limits_.min_rate_bytes};
  body_pace_.start(terms);
  response_pace_.start(terms);
  set_.losses_.join(*this, last_progress_);
}

void Connection::close_exchange(bool complete) {
  exchange_open_ = false;
  responding_ = false;
  set_.losses_.leave(*this);
  exchange_.close(
      {.body_bytes = body_sent_, .complete = complete, .request_body_bytes = parser_.body_bytes()});
}

// --- What it holds ------------------------------------------------------------------------------

void Connection::set_width(BodyPipe::Width width) {
  exchange_.request_body().set_width(width);
  exchange_.response_body().set_width(width);
  recharge();
}

void Connection::recharge() {
  const std::size_t now = held_bytes();
  if (now != charged_bytes_) set_.charge(std::exchange(charged_bytes_, now), now);
}

std::size_t Connection::held_bytes() const {
  std::size_t bytes = kBaseBytes + read_buffer_.capacity() + held_.capacity() + out_.capacity() +
                      parser_.capacity_bytes() + exchange_.held_bytes();
  // A request that has begun is charged for what it needs to go on.
  if (exchange_open_) bytes += growth_to_come(exchange_.response_body());
  if (intake_ == Intake::kBody) bytes += growth_to_come(exchange_.request_body());
  return bytes;
}

// --- Going on -----------------------------------------------------------------------------------

// Does what can be done now, and arms what must be waited for. Called after anything happened.
void Connection::advance() {
  const auto self = shared_from_this();
  go_on();
  if (intake_ != Intake::kClosed) recharge();
}

// One request a turn: a pipeline of thousands must not hold up the worker's other connections.
void Connection::go_on() {
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
      if (!held_.empty()) return wake();
      break;
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
    wait_for_body();
  } else if (body_pace_.waiting()) {
    body_pace_.pause(monotonic_now());
  }
}

void Connection::next_request() {
  parser_.next();
  if (read_buffer_.size() > kReadBytes && !reading_) {
    read_buffer_.resize(kReadBytes);
    read_buffer_.shrink_to_fit();
  }
  if (held_.empty()) Bytes().swap(held_);
  if (out_.capacity() > kKeptOutBytes) std::string().swap(out_);
  version_ = http::Version::kHttp11;
  head_request_ = false;
  intake_ = Intake::kHead;
  last_progress_ = monotonic_now();
  head_started_ = last_progress_;  // it may be held already
  if (set_.draining() || (read_ended_ && held_.empty())) return close_now();
  if (held_.empty()) become_idle();
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

}  // namespace godwit::server
