// Exchange: one request and its response, between a connection and the runtime. It matches the
// route, decodes the request for the function's contract, runs it, and decides when the head of
// the response goes out and what is in it (docs/contract.md, "Guest contracts").
//
//   exchange.open(request, client);            // decides; may call writer.respond() with an error
//   exchange.request_body().write(…);          // as it arrives
//   exchange.start();                          // runs the guest; may call writer.respond()
//   // writer.respond(head, length): then take bytes from exchange.response_body()
//   exchange.close(sent);                      // the last byte is out, or the client is gone
//
// Reused for every request of a connection. One worker, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capability/log_output.h"
#include "capability/stream.h"
#include "gateway/cgi_response.h"
#include "gateway/command_adapter.h"
#include "gateway/gateway.h"
#include "gateway/guest_streams.h"
#include "gateway/http_answer.h"
#include "http/body_pipe.h"
#include "http/request.h"
#include "http/response.h"
#include "runtime/invocation.h"

namespace godwit::gateway {

// The connection's side: how a response leaves.
class ResponseWriter {
 public:
  // The response begins: `head` is valid for the call, the body is in response_body() now or later.
  // With a length the body has exactly that many bytes. Must not call back into the exchange
  // before it returns.
  virtual void respond(const http::ResponseHead& head,
                       std::optional<std::uint64_t> content_length) noexcept = 0;
  // The wall-clock limit passed while the response was on its way: reset the connection, soon.
  virtual void expire() noexcept = 0;

 protected:
  ~ResponseWriter() = default;
};

// What the connection did with the response.
struct Delivery {
  std::uint64_t body_bytes = 0;
  bool complete = false;
  std::uint64_t request_body_bytes = 0;
};

class Exchange final : private runtime::InvocationObserver, private capability::LineSink {
 public:
  Exchange(Gateway& gateway, ResponseWriter& writer);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Matches and decides; `request` must stay valid until close(). After it either responded() is
  // true (an error, or a page), or start() must follow.
  void open(const http::Request& request, const ClientAddress& client);
  // Runs the guest. REQUIRES: open() without response.
  void start();
  // Something about the request failed after open(): a body that is too large or malformed, or
  // that stopped arriving. Ends the guest; answers with `code` when no response has begun.
  void fail_request(ErrorCode code);
  // Answers a request that could not even be parsed, or (with a `request`, which must stay valid
  // until close()) that nobody wants to look at. Instead of open().
  void refuse(ErrorCode code, const ClientAddress& client, const http::Request* request = nullptr);
  // The client is gone: ends the guest. close() must follow.
  void cancel();
  // The response was delivered or given up. The exchange is ready for the next open().
  void close(const Delivery& delivery);

  // The thread was busy for so long with sending the response: the function's part of its time.
  void charge(Nanoseconds time) { invocation_.charge(time); }

  bool responded() const { return responded_; }
  // The guest runs or waits (its place in the queue included).
  bool running() const { return invocation_.active(); }
  // The guest waits for something outside (time, its body, room for its output).
  bool waiting() const { return invocation_.waiting(); }
  // Where the request's body goes; abandoned when nobody reads it any more.
  http::BodyPipe& request_body() { return request_body_; }
  const http::BodyPipe& request_body() const { return request_body_; }
  std::uint64_t request_body_limit() const { return request_body_limit_; }
  // Where the response's body comes from: finished, or aborted when it will never be whole.
  http::BodyPipe& response_body() { return response_body_; }
  const http::BodyPipe& response_body() const { return response_body_; }
  const std::string& request_id() const { return request_id_; }
  // The request's body is whole, with these behind it; they must stay until close().
  void set_request_trailers(const http::Fields& trailers) {
    answer_.set_request_trailers(trailers);
  }
  // Behind the response's body, once that has ended; null: none.
  const http::Fields* response_trailers() const { return answer_.trailers(); }
  // Bytes of storage that this request, or the one before, holds: pipes, environment, texts.
  std::size_t held_bytes() const;

 private:
  // runtime::InvocationObserver
  void on_suspended() noexcept override;
  void on_ended() noexcept override;
  void on_expired() noexcept override;
  // capability::LineSink: the guest's stderr
  void line(std::string_view text) override;

  void begin(const ClientAddress& client);
  bool find_route();
  // exchange_answers.cc: what Godwit itself answers
  void respond_with_error(ErrorCode code, std::string_view detail);
  void respond_with_index();
  void respond_without_route();
  void respond_with_slash_added();
  void send_whole(std::string_view body);
  bool speaks_http() const { return function_->contract == wasm::Contract::kHttp; }
  void answer_on_suspended();
  void answer_on_ended();
  bool send_answer_head();
  bool try_send_head(OutputState state);
  bool fill_command_head(OutputState state);
  bool fill_cgi_head(OutputState state);
  void send_head(std::optional<std::uint64_t> length);
  void gather_output(std::size_t max_bytes);
  void end_guest(ErrorCode code, std::string_view detail);
  void fail_response(ErrorCode code, std::string_view detail);
  void log_failure(ErrorCode code, std::string_view detail);
  std::string failure_detail(const engine::Outcome& outcome) const;
  void count(Nanoseconds duration) const;

  Gateway& gateway_;
  ResponseWriter& writer_;
  const http::Request* request_ = nullptr;
  std::string client_;
  std::string request_id_;
  RoutePath path_;
  std::optional<RouteMatch> match_;
  std::vector<PathParameter> parameters_;        // of match_
  const runtime::Function* function_ = nullptr;  // of match_
  std::uint64_t request_body_limit_ = 0;
  CommandAdapter adapter_;
  http::BodyPipe request_body_;
  http::BodyPipe response_body_;
  GuestInput input_;
  GuestOutput output_;
  HttpAnswer answer_;  // of functions that speak HTTP themselves
  capability::EmptyInput no_input_;
  std::optional<capability::LogOutput> log_output_;
  std::deque<std::string> last_lines_;  // of stderr, for --dev
  runtime::Invocation invocation_;
  http::ResponseHead head_;
  std::string gathered_;  // output looked at to decide about the head
  bool open_ = false;
  bool started_ = false;  // invocation_ is (or was) this request's
  bool responded_ = false;
  int status_ = 0;
  std::optional<ErrorCode> code_;        // what went wrong, for the access record
  std::optional<ErrorCode> end_reason_;  // why we ended the guest ourselves
  std::string end_detail_;
  TimePoint opened_;
};

}  // namespace godwit::gateway
