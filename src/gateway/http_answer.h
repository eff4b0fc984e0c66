// HttpAnswer: capability::HttpExchange of one request, for functions that speak HTTP themselves:
// the request as it came, and what the guest has said of its answer so far. The exchange decides
// from that when the head goes out.
//
//   answer.begin(request, parser_trailers);
//   run(…, &answer);
//   if (answer.head()) send(*answer.head(), answer.length(pipe.size()));
//   if (answer.complete()) pipe.finish();
//
// Reused for the requests of a connection; worker-local.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "capability/http_exchange.h"
#include "gateway/guest_streams.h"
#include "http/body_pipe.h"
#include "http/fields.h"
#include "http/request.h"
#include "http/response.h"

namespace godwit::gateway {

class HttpAnswer final : public capability::HttpExchange {
 public:
  // `request_body` is what `input` reads; null: it never fails.
  HttpAnswer(const http::BodyPipe* request_body, capability::InputStream& input,
             GuestOutput& output)
      : request_body_(request_body), input_(input), output_(output) {}

  // `request` must stay until the next begin() or clear().
  void begin(const http::Request& request);
  void clear();
  // The request's body is whole, with these behind it; they must stay as `request`.
  void set_request_trailers(const http::Fields& trailers) { request_trailers_ = &trailers; }

  // The answer's head, once the guest has said it.
  const http::ResponseHead* head() const { return state_ == State::kNone ? nullptr : &head_; }
  // Of the body: what the guest declared, else what it has written by the time it is complete.
  std::optional<std::uint64_t> length(std::uint64_t written) const;
  bool complete() const { return state_ == State::kComplete; }
  bool aborted() const { return state_ == State::kAborted; }
  // The guest has ended well and has written so much: is that an answer? A body that was left open
  // is as whole as it is long. Errors: kGuestAnsweredError, kNoHttpResponse,
  // kHttpResponseIncomplete.
  Result<void> close(std::uint64_t written);
  // Null when there are none, or the client does not take them (RFC 9110 section 6.5.1).
  const http::Fields* trailers() const { return trailers_.empty() ? nullptr : &trailers_; }

  // capability::HttpExchange
  const http::Request& request() const override { return *request_; }
  std::string_view scheme() const override { return "http"; }
  capability::InputStream& request_body() override { return input_; }
  std::optional<capability::OutboundFailure> request_body_failure() const override;
  const http::Fields* request_trailers() const override { return request_trailers_; }
  bool respond(int status, const http::Fields& fields) override;
  void respond_with_error(std::string_view text) override;
  capability::OutputStream& response_body() override { return output_; }
  bool finish_response(const http::Fields* trailers) override;
  void abort_response() override;

 private:
  enum class State : std::uint8_t { kNone, kBegun, kComplete, kAborted };

  const http::BodyPipe* const request_body_;
  capability::InputStream& input_;
  GuestOutput& output_;
  const http::Request* request_ = nullptr;
  const http::Fields* request_trailers_ = nullptr;
  State state_ = State::kNone;
  http::ResponseHead head_;
  std::optional<std::uint64_t> declared_;
  http::Fields trailers_;
  std::optional<std::string> error_;
};

}  // namespace godwit::gateway
