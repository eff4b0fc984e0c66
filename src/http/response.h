// ResponseHead: status and fields of a response, before the serializer adds what it alone decides
// (Date, Content-Length or Transfer-Encoding, Connection).
//
//   ResponseHead head{.status = 200};
//   if (!head.fields.append("Content-Type", "text/plain")) return too_large();
//
// A value; reuse one per worker (clear()) and it does not allocate. Not thread-safe.
#pragma once

#include <string_view>

#include "http/fields.h"

namespace godwit::http {

struct ResponseHead {
  int status = 200;
  // Content-Length, Transfer-Encoding, Connection and the other hop-by-hop fields in here are
  // skipped when the head is serialized: the framing is the serializer's. A Date in here replaces
  // ours.
  Fields fields;

  void clear() {
    status = 200;
    fields.clear();
  }
};

// "Not Found" for 404 (RFC 9110 section 15 and the IANA registry); empty for an unknown status,
// which is a valid reason phrase.
std::string_view reason_phrase(int status);

// No response of this status has a body: 1xx, 204, 304 (RFC 9110 section 6.4.1).
constexpr bool status_has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

// Content-Length, Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection, TE, Trailer,
// Upgrade: they speak of one connection, so they are the server's alone (RFC 9110 section 7.6.1).
bool is_connection_field(std::string_view name);
// Fields that mean nothing, or something else than they say, once the head has been acted on
// (RFC 9110 section 6.5.1): those of the connection, routing, control of the answer, caching,
// authentication, cookies, permissions, and what the content is (but its digest).
bool is_forbidden_trailer(std::string_view name);

}  // namespace godwit::http
