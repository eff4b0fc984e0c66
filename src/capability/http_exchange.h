// HttpExchange: the request that an invocation answers, and the answer, for functions that speak
// HTTP themselves. The gateway stands behind it (gateway/http_answer.h).
//
//   read(exchange.request_body());
//   if (!exchange.respond(200, fields)) return refused();    // once
//   write(exchange.response_body());
//   exchange.finish_response(nullptr);                       // else the answer is not whole
//
// Worker-local: not thread-safe. Called from inside host calls: nothing here ends the invocation or
// calls back.
#pragma once

#include <optional>
#include <string_view>

#include "capability/outbound_http.h"
#include "capability/stream.h"
#include "http/fields.h"
#include "http/request.h"

namespace godwit::capability {

class HttpExchange {
 public:
  // Stays as long as the invocation.
  virtual const http::Request& request() const = 0;
  virtual std::string_view scheme() const = 0;  // "http" or "https"
  virtual InputStream& request_body() = 0;
  // Why request_body() ended before the body did; nothing while it goes on or was whole.
  virtual std::optional<OutboundFailure> request_body_failure() const = 0;
  // After the end of request_body(); null when there were none.
  virtual const http::Fields* request_trailers() const = 0;

  // The answer's head; it goes out when the guest gives way, with its length when the body is whole
  // by then. False, and nothing happened: an answer was begun before, the status is not in
  // 200..599, or a field is malformed or too much.
  virtual bool respond(int status, const http::Fields& fields) = 0;
  // The guest has no answer but an error.
  virtual void respond_with_error(std::string_view text) = 0;
  virtual OutputStream& response_body() = 0;
  // The body is whole. False when `trailers` (null: none) can't be sent.
  virtual bool finish_response(const http::Fields* trailers) = 0;
  // The body will never be whole.
  virtual void abort_response() = 0;

 protected:
  ~HttpExchange() = default;
};

}  // namespace godwit::capability
