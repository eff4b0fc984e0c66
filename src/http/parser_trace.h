// For tests and the fuzz target: feeds bytes to a Parser in given pieces and writes down what
// comes out, so that two ways of cutting the same bytes can be compared.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "http/parser.h"

namespace godwit::http {

struct Trace {
  std::string text;  // "GET /a host=h body=3:abc end; " … "more", "idle" or "kBadRequest"
  std::size_t consumed = 0;
  std::string_view defect;  // a promise of Parser that was broken; empty: none
};

// Says how many of the bytes that are left are fed next (at least 1).
using PieceSize = std::function<std::size_t(std::size_t left)>;

inline PieceSize whole() {
  return [](std::size_t left) { return left; };
}
inline PieceSize byte_by_byte() {
  return [](std::size_t) { return std::size_t{1}; };
}

inline std::string head_text(const Request& request) {
  std::string text(request.method);
  text.append(" ").append(request.path);
  if (!request.query.empty()) text.append("?").append(request.query);
  text.append(request.version == Version::kHttp10 ? " 1.0" : "");
  text.append(" host=").append(request.host);
  for (const Field& field : request.fields) {
    if (field.name == "Host") continue;
    text.append(" ").append(field.name).append(":").append(field.value);
  }
  if (request.keep_alive != (request.version == Version::kHttp11)) {
    text.append(request.keep_alive ? " keep-alive" : " close");
  }
  if (request.expectation == Expectation::kContinue) text.append(" expects-continue");
  if (request.expectation == Expectation::kUnsupported) text.append(" expects-unsupported");
  return text;
}

// Parses all requests of a connection. The state at the end is the last word.
inline Trace trace(std::string_view input, const PieceSize& piece_size, ParserLimits limits = {}) {
  Parser parser(limits);
  Trace trace;
  std::string body;
  std::string_view piece;
  std::size_t fed = 0;
  while (true) {
    const Parser::Step step = parser.feed(as_bytes(piece));
    piece.remove_prefix(step.consumed);
    trace.consumed += step.consumed;
    switch (step.event) {
      case Event::kNeedMore:
        if (!piece.empty()) trace.defect = "bytes left over";
        if (fed == input.size() || !piece.empty()) {
          trace.text += parser.idle() ? "idle" : "more";
          if (!body.empty()) trace.text += " body=" + body;
          return trace;
        }
        piece = input.substr(fed, piece_size(input.size() - fed));
        fed += piece.size();
        break;
      case Event::kHead: trace.text += head_text(parser.request()); break;
      case Event::kBody: body.append(as_text(step.body)); break;
      case Event::kComplete:
        if (body.size() != parser.body_bytes()) trace.defect = "body_bytes()";
        if (parser.request().has_body()) {
          trace.text += " body=" + std::to_string(body.size()) + ":" + body;
        }
        trace.text += " end; ";
        body.clear();
        parser.next();
        break;
      case Event::kError: trace.text += error_info(parser.error().code).name; return trace;
    }
  }
}

}  // namespace godwit::http
