// Helpers for values that cross the bridge (bridge/include/godwit_bridge.h). Only for the .cc
// files of this folder.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "godwit_bridge.h"

namespace godwit::engines::wasmtime {

// Owns bytes that Rust handed out.
class BridgeBytes final {
 public:
  BridgeBytes() = default;
  explicit BridgeBytes(bridge::GodwitBytes bytes) : bytes_(bytes) {}
  BridgeBytes(const BridgeBytes&) = delete;
  BridgeBytes& operator=(const BridgeBytes&) = delete;
  ~BridgeBytes() { bridge::godwit_bytes_free(bytes_); }

  // For functions that write to it; REQUIRES that it is empty.
  bridge::GodwitBytes* receive() { return &bytes_; }

  ByteSpan span() const { return {reinterpret_cast<const std::byte*>(bytes_.data), bytes_.size}; }
  std::string text() const { return std::string(as_text(span())); }
  Bytes copy() const { return Bytes(span().begin(), span().end()); }

 private:
  bridge::GodwitBytes bytes_{nullptr, 0};
};

inline bridge::GodwitSpan to_bridge(ByteSpan bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}
inline bridge::GodwitSpan to_bridge(std::string_view text) { return to_bridge(as_bytes(text)); }

// The catalogue's code for a failure of the bridge. REQUIRES: `status` is not Ok.
ErrorCode error_code(bridge::GodwitStatus status);

inline tl::unexpected<Error> bridge_failure(bridge::GodwitStatus status, const BridgeBytes& text) {
  return fail(error_code(status), text.text());
}

}  // namespace godwit::engines::wasmtime
