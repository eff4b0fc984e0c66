// Request: the head of an HTTP request, as the parser found it to be valid.
//
// Every view refers to storage of the http::Parser that made it and stays valid until that
// parser's next(): over the whole body, the invocation and the response. A value otherwise;
// not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/fields.h"

namespace godwit::http {

enum class Version : std::uint8_t { kHttp10, kHttp11 };
std::string_view version_text(Version version);  // "HTTP/1.1"

// What the Expect field asks for (RFC 9110 section 10.1.1).
enum class Expectation : std::uint8_t {
  kNone,
  kContinue,     // 100-continue, in an HTTP/1.1 request that has a body
  kUnsupported,  // anything else: the caller may answer kExpectationFailed (417)
};

struct Request {
  std::string_view method;  // a registered method, upper case: "GET"
  std::string_view target;  // as sent: "/a%20b?x=1", "http://host/a", "*"
  std::string_view path;    // raw, before '?': "/a%20b"; begins with '/', or is "*" (OPTIONS only)
  std::string_view query;   // raw, after '?', without it; empty when there is none
  Version version = Version::kHttp11;
  // The authority: of an absolute-form target, else of the Host field. host[:port], checked
  // against RFC 3986 (letters, digits, "-._~", or an IPv6 literal in brackets). Empty only in
  // HTTP/1.0 without Host. `fields` keeps the Host field as it was sent.
  std::string_view host;
  Fields fields;  // names as sent (also those with an underscore), values without OWS around them
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = false;  // what the client can do; the server may still close
  Expectation expectation = Expectation::kNone;

  bool expect_continue() const { return expectation == Expectation::kContinue; }
  bool is_head() const { return method == "HEAD"; }
  // A body of at least one byte may follow. `Content-Length: 0` is no body.
  bool has_body() const { return chunked || content_length.value_or(0) != 0; }
};

// `host` without its port ("[::1]:80" → "[::1]"), and the port's digits (empty without one).
std::string_view host_name(std::string_view host);
std::string_view host_port(std::string_view host);

}  // namespace godwit::http
