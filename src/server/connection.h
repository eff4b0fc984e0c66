// Connection: one client, one request after another (RFC 9112): reads and parses, hands each
// request to a gateway::Exchange, writes the response that comes of it.
//
// The way of the bytes: socket → Parser → Exchange's request pipe → guest → response pipe →
// socket. A full request pipe stops the reading, a full socket stops the writing, and so each side
// holds the other back. Memory per connection is bounded: a read buffer, what was read and can't be
// fed yet (no more than a buffer), one head, two pipes.
//
// Belongs to one EventLoop and its thread. It owns itself until close_now(), which every way ends
// in; pending handlers hold it a little longer. The ConnectionSet lists it, to close it on drain.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/waker.h"
#include "gateway/exchange.h"
#include "http/parser.h"
#include "http/serializer.h"
#include "runtime/timer_queue.h"

namespace godwit::server {

// How long a client may take; see docs/contract.md.
struct ConnectionTimeouts {
  std::chrono::milliseconds head{10'000};   // from its first byte to the end of the head
  std::chrono::milliseconds idle{60'000};   // between requests
  std::chrono::milliseconds stall{30'000};  // without a byte of the body, or of the response taken
};

class Connection;

// All connections of one worker, with what they share.
class ConnectionSet {
 public:
  ConnectionSet(gateway::Gateway& gateway, runtime::TimerQueue& timers,
                const ConnectionTimeouts& timeouts)
      : gateway_(gateway), timers_(timers), timeouts_(timeouts) {}

  void add(boost::asio::ip::tcp::socket socket);
  // No new requests: idle connections close now, the others after their response.
  void drain();
  // Everything closes now; running guests are cancelled.
  void close_all();
  bool draining() const { return draining_; }
  std::size_t size() const { return count_; }

  gateway::Gateway& gateway() { return gateway_; }
  runtime::TimerQueue& timers() { return timers_; }
  http::DateCache& dates() { return dates_; }
  const ConnectionTimeouts& timeouts() const { return timeouts_; }

 private:
  friend class Connection;
  gateway::Gateway& gateway_;
  runtime::TimerQueue& timers_;
  const ConnectionTimeouts timeouts_;
  http::DateCache dates_;
  bool draining_ = false;
  std::size_t count_ = 0;
  Connection* first_ = nullptr;  // intrusive list
};

class Connection final : public std::enable_shared_from_this<Connection>,
                         private gateway::ResponseWriter,
                         private Waker,
                         private runtime::TimerNode {
 public:
  Connection(boost::asio::ip::tcp::socket socket, ConnectionSet& set);
  ~Connection() override;

  void open();
  void drain();
  void close_now();

 private:
  friend class ConnectionSet;

  // What the bytes that arrive belong to.
  enum class Intake : std::uint8_t {
    kHead,      // the next request's head
    kBody,      // the current request's body, into its pipe
    kDiscard,   // the current request's body, which nobody wants any more
    kComplete,  // the request is whole; what follows waits for the response to end
    kLinger,    // nothing any more: read and drop until the client has taken our last response
    kClosed,
  };

  // gateway::ResponseWriter
  void respond(const http::ResponseHead& head,
               std::optional<std::uint64_t> content_length) noexcept override;
  void expire() noexcept override;
  // Waker: one of the pipes moved on.
  void wake() noexcept override;
  // TimerNode: the earliest timeout may be due.
  void on_timer() noexcept override;

  void advance();
  void reset_now();
  void close_exchange(bool complete);

  void on_read(const boost::system::error_code& error, std::size_t size);
  void on_read_end();
  bool can_take_input() const;
  bool can_feed_held();
  void feed(ByteSpan input);
  void feed_held();
  bool feed_step(ByteSpan& input);
  void hold(ByteSpan rest);
  void on_head();
  void on_body(ByteSpan body);
  void on_message_complete();
  void on_parse_error();
  void fail_request(ErrorCode code);
  void refuse(ErrorCode code);
  void next_request();

  bool flush();
  void discard_response_body();
  void queue_chunk();
  std::string_view chunk_tail();
  bool write_some();
  void account_sent(std::size_t sent, std::string_view tail);
  void end_response(bool complete);
  void linger();

  void want_read();
  void want_write();
  void watch_for_loss();
  void check_loss();
  void arm_timer(std::chrono::milliseconds from_now);
  void on_timeout();

  std::shared_ptr<Connection> self_;  // it lives until close_now(), whatever is armed
  boost::asio::ip::tcp::socket socket_;
  ConnectionSet& set_;
  Connection* next_ = nullptr;
  Connection* previous_ = nullptr;

  http::Parser parser_;
  gateway::Exchange exchange_;
  gateway::ClientAddress client_;
  Intake intake_ = Intake::kHead;
  http::Version version_ = http::Version::kHttp11;  // of the current request
  bool head_request_ = false;                       // its method is HEAD
  bool broken_input_ = false;                       // nothing more is parsed on this connection
  bool parser_has_event_ = false;  // the parser may say something without more input
  bool read_ended_ = false;        // the client sends no more (it may only be half-closed)
  Bytes read_buffer_;
  Bytes held_;                   // read, not yet fed
  std::uint64_t discarded_ = 0;  // of a body that nobody wants

  bool exchange_open_ = false;
  bool closes_if_refused_ = false;
  bool start_pending_ = false;     // what has arrived of the body is fed before the guest starts
  bool in_exchange_call_ = false;  // respond() need not wake us: we look afterwards

  // The response.
  bool responding_ = false;
  bool keep_alive_ = true;
  http::BodyFraming framing_ = http::BodyFraming::kNone;
  std::string out_;  // head and chunk framing that is not sent yet
  std::size_t out_sent_ = 0;
  std::size_t chunk_left_ = 0;  // bytes of the open chunk that are still in the pipe
  bool last_chunk_queued_ = false;
  bool expired_ = false;  // its time is over: reset
  std::uint64_t body_sent_ = 0;

  // What is armed in the event loop.
  bool reading_ = false;
  bool writing_ = false;
  bool watching_ = false;
  bool watch_spent_ = false;  // for this request; see check_loss()
  bool wake_posted_ = false;
  TimePoint last_progress_;  // the last byte from or to the client
  TimePoint head_started_;
  TimePoint linger_until_;
};

}  // namespace godwit::server
