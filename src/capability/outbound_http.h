// Outbound HTTP: requests that a guest makes, to hosts that the operator allowed. One shape:
// start() → a call under way; streams for the bodies; wait_response(), wake, state().
//
//   std::unique_ptr<OutboundHttp> http = client.open(grants.outbound);     // of one invocation
//   auto call = http->start({.method = "GET", .scheme = "https", .authority = "api.example.com"});
//   if (!call) return error_code_of(call.error());
//   (*call)->finish_request(nullptr);                          // there is no body
//   if ((*call)->wait_response(&waker)) return pending;        // else state() is final
//   read((*call)->response_body());                            // capability/stream.h
//
// Redirects are not followed: the guest sees the 3xx and starts the next hop itself, which is
// checked anew. Nothing is decompressed, no cookie is kept, no proxy is asked.
//
// Worker-local but for OutboundGrant, which is immutable and shared by all workers. No call blocks,
// none wakes from within itself. Failures are values: what wasi:http 0.2 calls error-code.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "base/waker.h"
#include "capability/stream.h"
#include "http/fields.h"
#include "http/response.h"
#include "manifest/outbound_host.h"

namespace godwit::capability {

// The cases of wasi:http's error-code that can occur, under the same names. The comment is what
// outbound_failure_text() says.
enum class OutboundFailure : std::uint8_t {
  kDenied,                          // HTTP-request-denied
  kDnsTimeout,                      // DNS-timeout
  kDnsError,                        // DNS-error
  kDestinationNotFound,             // destination-not-found
  kDestinationUnavailable,          // destination-unavailable
  kDestinationIpProhibited,         // destination-IP-prohibited
  kDestinationIpUnroutable,         // destination-IP-unroutable
  kConnectionRefused,               // connection-refused
  kConnectionTerminated,            // connection-terminated
  kConnectionTimeout,               // connection-timeout
  kConnectionReadTimeout,           // connection-read-timeout
  kConnectionWriteTimeout,          // connection-write-timeout
  kConnectionLimitReached,          // connection-limit-reached
  kTlsProtocolError,                // TLS-protocol-error
  kTlsCertificateError,             // TLS-certificate-error
  kTlsAlertReceived,                // TLS-alert-received
  kHttpRequestLengthRequired,       // HTTP-request-length-required
  kHttpRequestBodySize,             // HTTP-request-body-size
  kHttpRequestMethodInvalid,        // HTTP-request-method-invalid
  kHttpRequestUriInvalid,           // HTTP-request-URI-invalid
  kHttpRequestUriTooLong,           // HTTP-request-URI-too-long
  kHttpRequestHeaderSectionSize,    // HTTP-request-header-section-size
  kHttpResponseIncomplete,          // HTTP-response-incomplete
  kHttpResponseHeaderSectionSize,   // HTTP-response-header-section-size
  kHttpResponseBodySize,            // HTTP-response-body-size
  kHttpResponseTrailerSectionSize,  // HTTP-response-trailer-section-size
  kHttpResponseContentCoding,       // HTTP-response-content-coding
  kHttpResponseTimeout,             // HTTP-response-timeout
  kHttpUpgradeFailed,               // HTTP-upgrade-failed
  kHttpProtocolError,               // HTTP-protocol-error
  kLoopDetected,                    // loop-detected
  kConfigurationError,              // configuration-error
  kInternalError,                   // internal-error
};
inline constexpr std::size_t kOutboundFailures = 33;

// "connection-refused".
std::string_view outbound_failure_text(OutboundFailure failure);

// Host, Connection, Transfer-Encoding, Upgrade and the like: of the connection, so ours. A guest
// can't set them (wasi:http: header-error.forbidden); start() leaves them out.
bool is_forbidden_outbound_field(std::string_view name);

// Field sections as large as an answer may have them (OutboundLimits); http::Fields' own defaults
// are for requests to us.
inline constexpr http::Fields::Limits kOutboundFields{.max_count = 1000,
                                                      .max_bytes = std::size_t{64} << 10};

struct OutboundRequest {
  std::string method = "GET";
  std::string scheme = "https";  // "http" or "https"
  std::string authority;         // host[:port]
  std::string path_with_query;   // "/a?b"; empty: "/"
  http::Fields fields{kOutboundFields};
  // What the body will have; a Content-Length among the fields says the same. Without it: chunked,
  // unless the body is whole before the request goes out.
  std::optional<std::uint64_t> content_length;
  // Shorter or longer than the defaults of OutboundLimits, at most their upper bounds.
  std::optional<Nanoseconds> connect_timeout;
  std::optional<Nanoseconds> first_byte_timeout;
  std::optional<Nanoseconds> between_bytes_timeout;
};

enum class OutboundState : std::uint8_t { kPending, kResponse, kFailed };

// One request under way. Destroying it, at any moment but from within a waker, cancels it. It may
// outlive neither its OutboundHttp nor the client.
class OutboundCall {
 public:
  virtual ~OutboundCall() = default;

  // Closed once nothing more is taken: the request failed, or was answered for good.
  virtual OutputStream& request_body() = 0;
  // The body is whole, with `trailers` (null: none) behind it. Call it at once when there is no
  // body: the request goes out when the guest gives way. Ignored the second time. A body shorter
  // than its declared length fails the call with kHttpRequestBodySize.
  virtual void finish_request(const http::Fields* trailers) = 0;

  virtual OutboundState state() const = 0;
  // REQUIRES: kFailed. Before any head of a response.
  virtual OutboundFailure failure() const = 0;
  // REQUIRES: kResponse. The final head; 1xx are passed over.
  virtual const http::ResponseHead& response() const = 0;
  // Empty at once for a response without a body. At its end look at body_failure().
  virtual InputStream& response_body() = 0;
  // Why response_body() ended before the body did; nothing while it goes on or was whole.
  virtual std::optional<OutboundFailure> body_failure() const = 0;
  // After the end of the body: null when there were none.
  virtual const http::Fields* response_trailers() const = 0;

  // As InputStream::wait_readable, for the moment when state() is no longer kPending.
  virtual bool wait_response(Waker* waker) = 0;
  virtual void cancel_wait() = 0;
};

// What one invocation may do with the network. Owns its counts: requests so far, and at once.
class OutboundHttp {
 public:
  virtual ~OutboundHttp() = default;
  // Fails at once for what can be judged now: a host that is not allowed, a bad request, a limit.
  virtual tl::expected<std::unique_ptr<OutboundCall>, OutboundFailure> start(
      OutboundRequest request) = 0;
};

struct OutboundLimits {
  std::uint32_t requests = 1000;                                // of one invocation, …
  std::uint32_t at_once = 32;                                   // … and of these under way
  std::uint64_t request_body_bytes = std::uint64_t{256} << 20;  // of each
  std::uint64_t response_body_bytes = std::uint64_t{256} << 20;
  std::size_t uri_bytes = std::size_t{16} << 10;
  std::size_t request_fields_bytes = std::size_t{32} << 10;
  std::size_t response_fields_bytes = std::size_t{64} << 10;  // 1xx heads and trailers included
  Nanoseconds connect_timeout = std::chrono::seconds(10);     // name, TCP and TLS together
  Nanoseconds first_byte_timeout = std::chrono::seconds(60);
  Nanoseconds between_bytes_timeout = std::chrono::seconds(60);
  Nanoseconds connect_timeout_max = std::chrono::seconds(60);
  Nanoseconds read_timeout_max = std::chrono::minutes(10);  // of the other two

  bool operator==(const OutboundLimits&) const = default;
};

// What the operator allowed one function: immutable, shared by workers. Connections are kept per
// grant and never handed to another one.
struct OutboundGrant {
  std::string function;                       // for the log
  std::vector<manifest::OutboundHost> hosts;  // not empty
  OutboundLimits limits;
};

// A worker's part of it: sockets on the worker's event loop. src/outbound has the real one.
class OutboundClient {
 public:
  // For one invocation; cheap. The client must outlive what it gives out. REQUIRES: not null.
  virtual std::unique_ptr<OutboundHttp> open(std::shared_ptr<const OutboundGrant> grant) = 0;

 protected:
  ~OutboundClient() = default;
};

}  // namespace godwit::capability
