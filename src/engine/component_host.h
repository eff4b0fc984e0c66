// ComponentHost: what a component reaches of its invocation besides WASI preview 1's functions
// (those serve it too: files, random bytes, arguments and environment are the same for core modules
// and components). Streams, clocks, the request that it answers, requests that it makes.
//
// The engine calls it within Instance::resume(), on the instance's thread. Nothing here blocks:
// what cannot be done now says so and has the instance woken when it can be tried again; a wake-up
// may also be for nothing. Streams have numbers: the five of Stream, and two for each call that
// send() began.
//
// Memory: spans that come in are valid for the call. Text that goes out (heads, fields) stays until
// the instance is gone, or its call is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace godwit::engine {

namespace stream {
inline constexpr std::uint32_t kStdin = 0;
inline constexpr std::uint32_t kStdout = 1;
inline constexpr std::uint32_t kStderr = 2;
inline constexpr std::uint32_t kRequestBody = 3;
inline constexpr std::uint32_t kResponseBody = 4;
// Call n: its request's body is 5+2n, the response's 6+2n.
inline constexpr std::uint32_t kFirstOfCalls = 5;
}  // namespace stream

struct HttpField {
  std::string_view name;
  std::string_view value;
};

// A request's head; what is absent has a null data().
struct HttpRequestHead {
  std::string_view method;
  std::string_view scheme;
  std::string_view authority;
  std::string_view path_with_query;
  std::span<const HttpField> fields;  // of requests that go out; else request_field()
  // Nanoseconds; 0: none.
  std::uint64_t connect_timeout = 0;
  std::uint64_t first_byte_timeout = 0;
  std::uint64_t between_bytes_timeout = 0;
};

enum class StreamStatus : std::uint8_t {
  kBytes,    // at least one
  kEnd,      // nothing more will come
  kPending,  // nothing yet
  kFailed,   // it ended before it was whole: failure() says why
};

struct StreamRead {
  StreamStatus status = StreamStatus::kEnd;
  std::size_t size = 0;
};

// Numbers of capability::OutboundFailure.
using HttpFailure = std::uint8_t;

struct HttpResponseState {
  enum class Kind : std::uint8_t { kPending, kResponse, kFailed } kind = Kind::kPending;
  std::uint16_t status = 0;
  HttpFailure failure = 0;
};

class ComponentHost {
 public:
  static constexpr std::size_t kClosed = SIZE_MAX;

  // Nanoseconds of the guest's monotonic clock.
  virtual std::uint64_t now() = 0;
  // The instance is woken at that time; the earliest of several counts.
  virtual void wait_until(std::uint64_t deadline) = 0;

  virtual StreamRead read(std::uint32_t stream, MutableByteSpan out) = 0;
  // True when a read would not be pending; else the instance is woken when it would not.
  virtual bool wait_readable(std::uint32_t stream) = 0;
  // How many bytes were taken.
  virtual std::size_t write(std::uint32_t stream, ByteSpan bytes) = 0;
  // Room in bytes, or kClosed; 0: full, and the instance is woken when it is not.
  virtual std::size_t wait_writable(std::uint32_t stream) = 0;
  virtual HttpFailure failure(std::uint32_t stream) = 0;
  // Of a stream that was read to its end.
  virtual std::optional<HttpField> trailer(std::uint32_t stream, std::size_t index) = 0;
  // All was written. False when the trailers can't be sent (they are left out then).
  virtual bool finish(std::uint32_t stream, std::span<const HttpField> trailers) = 0;
  // What was written will never be whole.
  virtual void abort(std::uint32_t stream) = 0;

  // What the operator configured for the function (wasi:config), one by one.
  virtual std::optional<HttpField> configured(std::size_t index) = 0;

  // The request that the invocation answers; nothing when it is no such invocation.
  virtual std::optional<HttpRequestHead> request() = 0;
  virtual std::optional<HttpField> request_field(std::size_t index) = 0;
  // False when the head can't be sent: it is too large or malformed, or not the first.
  virtual bool respond(std::uint16_t status, std::span<const HttpField> fields) = 0;
  virtual void respond_with_error(std::string_view text) = 0;

  // Begins a request. The call's number, or why it is refused.
  struct Sent {
    std::optional<std::uint32_t> call;
    HttpFailure failure = 0;
  };
  virtual Sent send(const HttpRequestHead& head) = 0;
  // Pending: the instance is woken later.
  virtual HttpResponseState wait_response(std::uint32_t call) = 0;
  virtual std::optional<HttpField> response_field(std::uint32_t call, std::size_t index) = 0;
  virtual void drop_call(std::uint32_t call) = 0;

 protected:
  ~ComponentHost() = default;
};

}  // namespace godwit::engine
