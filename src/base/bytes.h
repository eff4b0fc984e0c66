// Bytes at rest and in passing. A ByteSpan refers to host memory, never to guest memory: guest
// memory is engine::GuestSlice, which cannot be turned into one of these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace godwit {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal.
std::string to_hex(ByteSpan bytes);

// A SHA-256 digest (FIPS 180-4).
using Digest = std::array<std::byte, 32>;
Digest sha256(ByteSpan bytes);

// True when `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);
// The length of the longest prefix of `text` that is well-formed UTF-8.
std::size_t utf8_prefix(std::string_view text);
// How many bytes the character at the start of `text` has when a terminal must not see it, else 0:
// control characters, and those that can't be seen or turn the direction of the text around them,
// so that it reads as something else (Unicode TR 36, section 2.10). Newline and tab are neither.
// REQUIRES: `text` begins with a character in well-formed UTF-8.
std::size_t deceptive_bytes(std::string_view text);

}  // namespace godwit
