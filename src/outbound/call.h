// Call: one request under way: its name is looked up, its addresses are judged, libcurl carries it
// out, bodies flow through two pipes. Private to src/outbound.
//
// libcurl calls the on_… members; none of them runs a guest or destroys anything. What a guest does
// to a stream only marks the call, and attend() acts on it from the loop. Worker-local.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capability/outbound_http.h"
#include "http/body_pipe.h"
#include "outbound/failure.h"
#include "outbound/loop.h"
#include "outbound/request_rules.h"
#include "outbound/resolver.h"
#include "outbound/response_reader.h"

struct sockaddr;

namespace godwit::outbound {

class Client;
class EasyHandle;
class Pool;

struct CallCounts {
  std::uint32_t started = 0;
  std::uint32_t under_way = 0;
};

class Call final : public capability::OutboundCall, private TimerObserver, private Waker {
 public:
  Call(Client& client, Pool& pool, CheckedRequest request, std::shared_ptr<CallCounts> counts);
  ~Call() override;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void begin();

  capability::OutputStream& request_body() override { return request_body_; }
  void finish_request(const http::Fields* trailers) override;
  capability::OutboundState state() const override { return state_; }
  capability::OutboundFailure failure() const override;
  const http::ResponseHead& response() const override { return reader_.head(); }
  capability::InputStream& response_body() override { return response_body_; }
  std::optional<capability::OutboundFailure> body_failure() const override { return body_failure_; }
  const http::Fields* response_trailers() const override { return reader_.trailers(); }
  bool wait_response(Waker* waker) override;
  void cancel_wait() override { response_waker_ = nullptr; }

  // --- For the pool
  void attend();
  void on_end(int code);
  // Its socket can't be watched: fails soon.
  void on_socket_unwatched() { fail_soon(capability::OutboundFailure::kInternalError); }

  // --- For libcurl's callbacks (curl_options.cc)
  enum class Answer : std::uint8_t { kGoOn, kPause, kAbort };
  bool on_header(std::string_view line);
  Answer on_body(ByteSpan bytes);
  struct Upload {
    Answer answer;
    std::size_t size;
  };
  Upload on_upload(MutableByteSpan room);
  bool on_rewind();
  bool on_socket_address(const sockaddr& address);
  bool on_connected(std::string_view address, int port);
  // "name: value"; nothing is added when there are none.
  const std::vector<std::string>& request_trailers() const { return trailers_; }
  const CheckedRequest& request() const { return request_; }
  Pool& pool() { return pool_; }

 private:
  enum class Phase : std::uint8_t { kResolving, kResolved, kConnecting, kExchange, kEnded };

  class ResponseBody final : public capability::InputStream {
   public:
    explicit ResponseBody(Call& call) : call_(call) {}
    capability::ReadResult read(MutableByteSpan out) override;
    bool wait_readable(Waker* waker) override;
    void cancel_wait() override { call_.response_pipe_.cancel_readable(); }
    std::size_t available() const override { return call_.response_pipe_.size(); }

   private:
    bool over() const;
    Call& call_;
  };
  class RequestBody final : public capability::OutputStream {
   public:
    explicit RequestBody(Call& call) : call_(call) {}
    MutableByteSpan prepare(std::size_t want) override;
    void commit(std::size_t size) override;
    std::size_t room() const override { return call_.request_pipe_.writable_bytes(); }
    bool wait_writable(Waker* waker) override;
    void cancel_wait() override { call_.request_pipe_.cancel_writable(); }
    bool closed() const override { return call_.request_pipe_.abandoned(); }

   private:
    Call& call_;
  };

  // Bytes of a body that are kept until an answer comes, to be sent again (is_idempotent()).
  static constexpr std::size_t kReplayBytes = std::size_t{64} << 10;

  void wake() noexcept override;      // Waker: one of the pipes has moved
  void on_timer() noexcept override;  // the deadline of the phase
  void resolved(const Resolution& resolution);
  void use_addresses(const std::vector<IpAddress>& addresses);
  void start_transfer();
  std::optional<std::uint64_t> known_length() const;
  bool allowed(const IpAddress& address);
  void go_on();
  bool whole_at(std::uint64_t size) const;
  void fail(capability::OutboundFailure failure);
  void fail_soon(capability::OutboundFailure failure);
  void end();
  void leave_when_read();
  void tell_state();
  TimePoint deadline() const;
  CallStage stage() const;

  Client& client_;
  Pool& pool_;
  const CheckedRequest request_;
  const std::shared_ptr<CallCounts> counts_;
  const std::shared_ptr<Call*> self_;  // null once this is gone, for the resolver
  std::optional<Resolver::Lookup> lookup_;
  Phase phase_ = Phase::kResolving;
  capability::OutboundState state_ = capability::OutboundState::kPending;
  capability::OutboundFailure failure_ = capability::OutboundFailure::kInternalError;
  std::optional<capability::OutboundFailure> body_failure_;
  std::optional<capability::OutboundFailure> cause_;  // what a callback found wrong
  Waker* response_waker_ = nullptr;
  std::unique_ptr<LoopTimer> timer_;
  TimePoint connect_until_;
  TimePoint last_progress_;

  http::BodyPipe request_pipe_;
  RequestBody request_body_{*this};
  bool request_finished_ = false;
  std::vector<std::string> trailers_;
  std::string replay_;
  std::size_t replay_position_ = 0;
  std::uint64_t uploaded_ = 0;
  bool upload_paused_ = false;
  bool upload_done_ = false;

  ResponseReader reader_;
  http::BodyPipe response_pipe_;
  ResponseBody response_body_{*this};
  std::optional<std::uint64_t> response_length_;
  std::uint64_t received_ = 0;
  bool download_paused_ = false;
  bool has_place_ = true;  // of the worker's

  std::vector<IpAddress> addresses_;
  std::unique_ptr<EasyHandle> easy_;  // while libcurl has it
};

}  // namespace godwit::outbound
