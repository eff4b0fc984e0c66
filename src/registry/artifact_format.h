// The file of a compiled artifact: code, then the binary module (only of text sources), then this
// trailer, so that the code stands at offset 0. Private to src/registry; pure functions.
//
// The HMAC (RFC 2104, SHA-256, the node's key) covers code, module and the trailer before it: what
// the code is for is as protected as the code.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "registry/state_dir.h"

namespace godwit::registry {

// Integers in the machine's order: artifacts don't travel.
struct ArtifactTrailer {
  std::array<char, 8> magic{};
  std::uint64_t format = 0;
  std::uint64_t code_bytes = 0;
  std::uint64_t wasm_bytes = 0;
  Digest module{};
  Digest fingerprint{};  // SHA-256 of the engine's fingerprint
  Digest hmac{};
};
static_assert(sizeof(ArtifactTrailer) == 128);

// Without the HMAC.
ArtifactTrailer make_trailer(const Digest& module, std::string_view fingerprint, ByteSpan code,
                             ByteSpan wasm);
Digest artifact_hmac(const NodeKey& key, ByteSpan code, ByteSpan wasm,
                     const ArtifactTrailer& trailer);
// Compares in constant time.
bool same_digest(const Digest& a, const Digest& b);

}  // namespace godwit::registry
