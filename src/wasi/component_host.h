// ComponentHost: engine::ComponentHost of one invocation, over its streams, its clock, the request
// that it answers and what it may send to others.
//
//   Preview1 wasi({…});
//   ComponentHost component({.preview1 = &wasi, .standard_input = &in, …, .http = &exchange});
//   auto instance = (*module)->instantiate({.state = &wasi, .component = &component, …});
//
// Belongs to one invocation and its thread. All that the options point to must outlive it; the
// instance must not. Destroying it cancels whatever it waits for, and every request under way.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/waker.h"
#include "capability/clock.h"
#include "capability/http_exchange.h"
#include "capability/outbound_http.h"
#include "capability/stream.h"
#include "capability/timer.h"
#include "engine/component_host.h"
#include "manifest/function_spec.h"
#include "wasi/preview1.h"

namespace godwit::wasi {

class ComponentHost final : public engine::ComponentHost {
 public:
  // All are required, but for those after `waker`.
  struct Options {
    const Preview1* preview1 = nullptr;  // its monotonic clock is the component's
    const capability::Clock* clock = nullptr;
    capability::InputStream* standard_input = nullptr;
    capability::OutputStream* standard_output = nullptr;
    capability::OutputStream* standard_error = nullptr;
    capability::Timers* timers = nullptr;  // nobody else's
    Waker* waker = nullptr;
    std::span<const manifest::EnvironmentVariable> configuration;
    capability::HttpExchange* http = nullptr;
    capability::OutboundClient* outbound = nullptr;  // null: every request is denied
    std::shared_ptr<const capability::OutboundGrant> outbound_grant;  // null: nothing is granted, …
    std::string_view function;                                        // … and this one is told so
  };

  explicit ComponentHost(Options options);
  ComponentHost(const ComponentHost&) = delete;
  ComponentHost& operator=(const ComponentHost&) = delete;
  ~ComponentHost();

  // The invocation is over and the guest lives on: ends its requests to others and lets go of its
  // streams.
  void rest();
  // The next invocation of the same guest. REQUIRES: rest() was called.
  void bind(Options options);

  std::uint64_t now() override;
  void wait_until(std::uint64_t deadline) override;
  engine::StreamRead read(std::uint32_t stream, MutableByteSpan out) override;
  bool wait_readable(std::uint32_t stream) override;
  std::size_t write(std::uint32_t stream, ByteSpan bytes) override;
  std::size_t wait_writable(std::uint32_t stream) override;
  engine::HttpFailure failure(std::uint32_t stream) override;
  std::optional<engine::HttpField> trailer(std::uint32_t stream, std::size_t index) override;
  bool finish(std::uint32_t stream, std::span<const engine::HttpField> trailers) override;
  void abort(std::uint32_t stream) override;
  std::optional<engine::HttpField> configured(std::size_t index) override;
  std::optional<engine::HttpRequestHead> request() override;
  std::optional<engine::HttpField> request_field(std::size_t index) override;
  bool respond(std::uint16_t status, std::span<const engine::HttpField> fields) override;
  void respond_with_error(std::string_view text) override;
  Sent send(const engine::HttpRequestHead& head) override;
  engine::HttpResponseState wait_response(std::uint32_t call) override;
  std::optional<engine::HttpField> response_field(std::uint32_t call, std::size_t index) override;
  void drop_call(std::uint32_t call) override;

 private:
  capability::InputStream* input(std::uint32_t stream);
  capability::OutputStream* output(std::uint32_t stream);
  capability::OutboundCall* call(std::uint32_t number) const;
  // Nothing for a stream that is of no call.
  std::optional<std::uint32_t> number_of_call(std::uint32_t stream) const;
  capability::OutboundCall* call_of(std::uint32_t stream) const;
  capability::OutboundHttp* outbound();
  // Of a call that was given up before it was whole.
  bool is_cut_off(std::uint32_t stream) const;
  std::optional<capability::OutboundFailure> read_failure(std::uint32_t stream) const;
  const http::Fields* trailers_of(std::uint32_t stream) const;

  Options options_;
  std::unique_ptr<capability::OutboundHttp> outbound_;  // from the first request on
  // A number is free again when the guest has dropped it; the request may be gone before.
  struct Slot {
    bool taken = false;
    std::unique_ptr<capability::OutboundCall> call;
  };
  std::vector<Slot> calls_;
  std::optional<TimePoint> armed_;
  capability::TimerId timer_ = capability::TimerId::kNone;
};

}  // namespace godwit::wasi
