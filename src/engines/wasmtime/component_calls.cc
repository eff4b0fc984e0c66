#include "engines/wasmtime/component_calls.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/component_host.h"
#include "engines/wasmtime/bridge_bytes.h"

namespace godwit::engines::wasmtime {
namespace {

using bridge::GodwitField;
using bridge::GodwitRequestHead;
using bridge::GodwitSpan;
using engine::HttpField;

static_assert(static_cast<int>(engine::StreamStatus::kFailed) == 3);             // streams.rs
static_assert(static_cast<int>(engine::HttpResponseState::Kind::kFailed) == 2);  // incoming.rs

constexpr std::uint8_t kSent = 255;

engine::ComponentHost& host_of(void* context) {
  return *static_cast<engine::ComponentHost*>(context);
}

std::string_view text_of(const GodwitSpan& span) {
  return {reinterpret_cast<const char*>(span.data), span.size};
}

bool hand_out(const std::optional<HttpField>& field, GodwitField* out) {
  if (!field) return false;
  *out = {to_bridge(field->name), to_bridge(field->value)};
  return true;
}

std::vector<HttpField> fields_of(const GodwitField* fields, std::uintptr_t count) {
  std::vector<HttpField> all;
  all.reserve(count);
  for (std::uintptr_t i = 0; i < count; ++i) {
    all.push_back({text_of(fields[i].name), text_of(fields[i].value)});
  }
  return all;
}

std::uint64_t now(void* context) noexcept { return host_of(context).now(); }

void wait_until(void* context, std::uint64_t deadline) noexcept {
  host_of(context).wait_until(deadline);
}

std::uint8_t read(void* context, std::uint32_t stream, std::uint8_t* out, std::uintptr_t size,
                  std::uintptr_t* read) noexcept {
  const auto result = host_of(context).read(stream, {reinterpret_cast<std::byte*>(out), size});
  *read = result.size;
  return static_cast<std::uint8_t>(result.status);
}

bool wait_readable(void* context, std::uint32_t stream) noexcept {
  return host_of(context).wait_readable(stream);
}

std::uintptr_t write(void* context, std::uint32_t stream, const std::uint8_t* data,
                     std::uintptr_t size) noexcept {
  return host_of(context).write(stream, {reinterpret_cast<const std::byte*>(data), size});
}

std::uintptr_t wait_writable(void* context, std::uint32_t stream) noexcept {
  return host_of(context).wait_writable(stream);
}

std::uint8_t failure(void* context, std::uint32_t stream) noexcept {
  return host_of(context).failure(stream);
}

bool trailer(void* context, std::uint32_t stream, std::uintptr_t index, GodwitField* out) noexcept {
  return hand_out(host_of(context).trailer(stream, index), out);
}

bool finish(void* context, std::uint32_t stream, const GodwitField* trailers,
            std::uintptr_t count) noexcept {
  return host_of(context).finish(stream, fields_of(trailers, count));
}

void abort(void* context, std::uint32_t stream) noexcept { host_of(context).abort(stream); }

bool configured(void* context, std::uintptr_t index, GodwitField* out) noexcept {
  return hand_out(host_of(context).configured(index), out);
}

bool request(void* context, GodwitRequestHead* out) noexcept {
  const auto head = host_of(context).request();
  if (!head) return false;
  *out = {};
  out->method = to_bridge(head->method);
  out->scheme = to_bridge(head->scheme);
  out->authority = to_bridge(head->authority);
  out->path_with_query = to_bridge(head->path_with_query);
  return true;
}

bool request_field(void* context, std::uintptr_t index, GodwitField* out) noexcept {
  return hand_out(host_of(context).request_field(index), out);
}

bool respond(void* context, std::uint16_t status, const GodwitField* fields,
             std::uintptr_t count) noexcept {
  return host_of(context).respond(status, fields_of(fields, count));
}

void respond_with_error(void* context, GodwitSpan text) noexcept {
  host_of(context).respond_with_error(text_of(text));
}

std::uint8_t send(void* context, const GodwitRequestHead* head, std::uint32_t* call) noexcept {
  const std::vector<HttpField> fields = fields_of(head->fields, head->field_count);
  const auto sent = host_of(context).send({.method = text_of(head->method),
                                           .scheme = text_of(head->scheme),
                                           .authority = text_of(head->authority),
                                           .path_with_query = text_of(head->path_with_query),
                                           .fields = fields,
                                           .connect_timeout = head->connect_timeout,
                                           .first_byte_timeout = head->first_byte_timeout,
                                           .between_bytes_timeout = head->between_bytes_timeout});
  if (!sent.call) return sent.failure;
  *call = *sent.call;
  return kSent;
}

std::uint8_t wait_response(void* context, std::uint32_t call, std::uint16_t* status,
                           std::uint8_t* failed) noexcept {
  const engine::HttpResponseState state = host_of(context).wait_response(call);
  *status = state.status;
  *failed = state.failure;
  return static_cast<std::uint8_t>(state.kind);
}

bool response_field(void* context, std::uint32_t call, std::uintptr_t index,
                    GodwitField* out) noexcept {
  return hand_out(host_of(context).response_field(call, index), out);
}

void drop_call(void* context, std::uint32_t call) noexcept { host_of(context).drop_call(call); }

}  // namespace

const bridge::GodwitComponentHost& component_host() {
  static constexpr bridge::GodwitComponentHost kCalls{
      .now = &now,
      .wait_until = &wait_until,
      .read = &read,
      .wait_readable = &wait_readable,
      .write = &write,
      .wait_writable = &wait_writable,
      .failure = &failure,
      .trailer = &trailer,
      .finish = &finish,
      .abort = &abort,
      .configured = &configured,
      .request = &request,
      .request_field = &request_field,
      .respond = &respond,
      .respond_with_error = &respond_with_error,
      .send = &send,
      .wait_response = &wait_response,
      .response_field = &response_field,
      .drop_call = &drop_call,
  };
  return kCalls;
}

}  // namespace godwit::engines::wasmtime
