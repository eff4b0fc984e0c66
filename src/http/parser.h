// Parser: bytes of a connection → requests and their bodies. The server's side of HTTP/1.1
// (RFC 9112), strict, without I/O: it is fed what was read and says what that was.
//
//   while (true) {
//     const Parser::Step step = parser.feed(input);
//     input = input.subspan(step.consumed);
//     switch (step.event) {
//       case Event::kNeedMore: return read_more();
//       case Event::kHead: decide(parser.request()); break;      // before any byte of the body
//       case Event::kBody: pipe.write(step.body); break;
//       case Event::kComplete: ...; parser.next(); break;       // `input` holds the next request
//       case Event::kError: return answer(parser.error());      // and close the connection
//     }
//   }
//
// feed() returns after each event, so the caller stops wherever it wants: to refuse a request
// before its body, to hold a body whose pipe is full (feed at most pipe.writable_bytes() bytes: a
// piece of a body is never longer than what was fed), to leave the next request in the buffer.
// How the bytes are cut into pieces changes neither events nor errors.
//
// What llhttp is lenient about is checked here as well (README.md has the table). Steady state:
// no allocation per request. Not thread-safe; one per connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "http/request.h"

namespace godwit::http {

enum class Event : std::uint8_t {
  kNeedMore,  // all input was consumed and more is needed
  kHead,      // request() is valid from now until next()
  kBody,      // Step::body is the next piece
  kComplete,  // the message ended; nothing is consumed any more before next()
  kError,     // error() says why; the connection can only be answered and closed
};

struct ParserLimits {
  std::size_t method_bytes = 24;
  std::size_t target_bytes = std::size_t{8} << 10;
  std::size_t fields_bytes = std::size_t{32} << 10;  // field lines with their CRLFs
  std::size_t fields_count = 100;
  std::size_t chunk_line_bytes = 256;                        // size and extensions of one chunk
  std::size_t chunk_extension_bytes = std::size_t{4} << 10;  // all extensions of one message
  std::size_t trailer_bytes = std::size_t{4} << 10;
  std::size_t trailer_count = 32;
};

class Parser final {
 public:
  struct Step {
    std::size_t consumed = 0;
    Event event = Event::kNeedMore;
    ByteSpan body;  // kBody: a part of the bytes that were fed
  };

  Parser() : Parser(ParserLimits()) {}
  explicit Parser(ParserLimits limits);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser();

  // Consumes up to the next event. `input` may be empty (after kHead of a request without a body
  // the next call gives kComplete). After kComplete and kError it consumes nothing and says the
  // same again.
  Step feed(ByteSpan input);

  // REQUIRES: kHead was returned since the last next().
  const Request& request() const;
  // REQUIRES: kError was returned. Codes: kBadRequest, kMethodNotAllowed (a method that we don't
  // know, CONNECT), kTargetTooLong, kHeaderFieldsTooLarge, kUnsupportedTransferCoding,
  // kUnsupportedHttpVersion. The detail quotes nothing that the client sent.
  const Error& error() const;

  // REQUIRES: kComplete was returned last. What came behind a chunked body: never mixed with
  // request().fields, and nobody's word but the client's. Valid until next().
  const Fields& trailers() const;

  // Ready for the next request of the connection; the views of request() and trailers() end here.
  // REQUIRES: kComplete was returned last.
  void next();
  // As new, for another connection. Large buffers are freed.
  void reset();

  // Nothing of a request has arrived: a connection in this state may be closed without an answer.
  bool idle() const;
  // Bytes of the body of this request so far (decoded).
  std::uint64_t body_bytes() const;
  // Storage that is held for the head, for the tests of the bounds.
  std::size_t capacity_bytes() const;

 private:
  class Impl;  // wraps llhttp
  std::unique_ptr<Impl> impl_;
};

}  // namespace godwit::http
