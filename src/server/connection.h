// Connection: one client, one request after another (RFC 9112): reads and parses, hands each
// request to a gateway::Exchange, writes the response that comes of it.
//
// The way of the bytes: socket → Parser → Exchange's request pipe → guest → response pipe →
// socket. A full request pipe stops the reading, a full socket stops the writing, and so each side
// holds the other back. Memory per connection is bounded: a read buffer, what was read and can't be
// fed yet (no more than a buffer), one head, two pipes; what it holds now is charged to the set.
//
// Belongs to one EventLoop and its thread. It owns itself until close_now(), which every way ends
// in; pending handlers hold it a little longer. The ConnectionSet lists it, to close it on drain.
// connection.cc: its life; connection_reading.cc, connection_writing.cc, connection_timeouts.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/waker.h"
#include "gateway/exchange.h"
#include "http/parser.h"
#include "http/serializer.h"
#include "runtime/timer_queue.h"
#include "server/connection_set.h"
#include "server/loss_watch.h"
#include "server/pace.h"

namespace godwit::server {

class Connection final : public std::enable_shared_from_this<Connection>,
                         public ConnectionSet::SetLink,
                         public ConnectionSet::IdleLink,
                         private gateway::ResponseWriter,
                         private Waker,
                         private runtime::TimerNode,
                         private LossWatch::Watched {
 public:
  // REQUIRES: the quota has welcomed `peer`; it is left with close_now().
  Connection(boost::asio::ip::tcp::socket socket, const boost::asio::ip::tcp::endpoint& peer,
             ConnectionSet& set);
  ~Connection() override;

  void open();
  void drain();
  void close_now();
  // REQUIRES: it is in the set's list of idle ones. Closes it, unless a request is on its way.
  bool close_if_idle();
  void set_width(http::BodyPipe::Width width);

 private:
  // What the bytes that arrive belong to.
  enum class Intake : std::uint8_t {
    kHead,      // the next request's head
    kBody,      // the current request's body, into its pipe
    kDiscard,   // the current request's body, which nobody wants any more
    kComplete,  // the request is whole; what follows waits for the response to end
    kLinger,    // nothing any more: read and drop until the client has taken our last response
    kClosed,
  };

  // connection_timeouts.cc: what is due when.
  enum class Timeout : std::uint8_t { kNone, kHead, kIdle, kBody, kResponse, kLinger };
  struct Due {
    TimePoint at;
    Timeout what = Timeout::kNone;
  };

  // gateway::ResponseWriter
  void respond(const http::ResponseHead& head,
               std::optional<std::uint64_t> content_length) noexcept override;
  void expire() noexcept override;
  // Waker: one of the pipes moved on.
  void wake() noexcept override;
  // TimerNode: the earliest timeout may be due.
  void on_timer() noexcept override;
  // LossWatch::Watched
  int watched_descriptor() noexcept override { return socket_.native_handle(); }
  void on_lost() noexcept override { lose(); }

  void advance();
  void go_on();
  void become_idle();
  void lose();
  void reset_now();
  void begin_exchange();
  void close_exchange(bool complete);
  void recharge();
  std::size_t held_bytes() const;

  void on_read(const boost::system::error_code& error, std::size_t size);
  void on_read_end();
  bool can_take_input() const;
  bool can_feed_held();
  void feed(ByteSpan input);
  void feed_held();
  bool feed_step(ByteSpan& input);
  void hold(ByteSpan rest);
  void on_head();
  void on_half_head();
  void on_body(ByteSpan body);
  void on_message_complete();
  void on_parse_error();
  void fail_request(ErrorCode code);
  void refuse(ErrorCode code, const http::Request* request = nullptr);
  void refuse_half_head(ErrorCode code);
  void next_request();
  void want_read();

  bool flush();
  void discard_response_body();
  void queue_chunk();
  std::string_view chunk_tail();
  bool write_some();
  void account_sent(std::size_t sent, std::string_view tail);
  void end_response(bool complete);
  void linger();
  void want_write();
  void see_what_was_taken(TimePoint now);

  void arm_by(TimePoint due);
  Nanoseconds spread(std::chrono::milliseconds limit) const;
  void wait_for_body();
  Due next_due(TimePoint now);
  void on_timeout(Timeout what);

  std::shared_ptr<Connection> self_;  // it lives until close_now(), whatever is armed
  boost::asio::ip::tcp::socket socket_;
  const boost::asio::ip::tcp::endpoint peer_;
  ConnectionSet& set_;
  const std::uint32_t number_;  // among the set's; for spread()
  std::size_t charged_bytes_ = 0;

  http::Parser parser_;
  gateway::Exchange exchange_;
  gateway::ClientAddress client_;
  Intake intake_ = Intake::kHead;
  http::Version version_ = http::Version::kHttp11;  // of the current request
  bool head_request_ = false;                       // its method is HEAD
  bool broken_input_ = false;                       // nothing more is parsed on this connection
  bool parser_has_event_ = false;  // the parser may say something without more input
  bool read_ended_ = false;        // the client sends no more (it may only be half-closed)
  std::uint32_t requests_ = 0;
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
  bool wake_posted_ = false;

  // Time.
  TimePoint last_progress_;  // the last byte from or to the client
  TimePoint head_started_;
  TimePoint linger_until_;
  Pace body_pace_;
  Pace response_pace_;
  std::uint64_t sent_bytes_ = 0;   // into the socket, of this connection
  std::uint64_t taken_bytes_ = 0;  // of those the client's side has acknowledged, when last asked
  bool buffer_bounded_ = false;    // the kernel's, for what is not sent yet
};

}  // namespace godwit::server
