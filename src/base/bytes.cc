#include "base/bytes.h"

#include <openssl/sha.h>

namespace godwit {

std::string to_hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4]);
    text.push_back(kDigits[std::to_integer<unsigned>(byte) & 15]);
  }
  return text;
}

Digest sha256(ByteSpan bytes) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::size_t utf8_prefix(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (at(i) & 0xC0) == 0x80; };
  std::size_t i = 0;
  while (i < text.size()) {
    const unsigned lead = at(i);
    if (lead < 0x80) {
      i += 1;
    } else if (lead >= 0xC2 && lead <= 0xDF) {
      if (!continues(i + 1)) return i;
      i += 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      if (!continues(i + 1) || !continues(i + 2)) return i;
      if (lead == 0xE0 && at(i + 1) < 0xA0) return i;   // overlong
      if (lead == 0xED && at(i + 1) >= 0xA0) return i;  // surrogates
      i += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      if (!continues(i + 1) || !continues(i + 2) || !continues(i + 3)) return i;
      if (lead == 0xF0 && at(i + 1) < 0x90) return i;   // overlong
      if (lead == 0xF4 && at(i + 1) >= 0x90) return i;  // above U+10FFFF
      i += 4;
    } else {
      return i;
    }
  }
  return i;
}

std::size_t deceptive_bytes(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  switch (at(0)) {
    case 0xC2: return at(1) <= 0x9F ? 2 : 0;  // C1 controls
    case 0xD8: return at(1) == 0x9C ? 2 : 0;  // U+061C
    case 0xE2:
      // U+200B to U+200F, U+2028 to U+202E; U+2060 to U+206F
      if (at(1) == 0x80) {
        return (at(2) >= 0x8B && at(2) <= 0x8F) || (at(2) >= 0xA8 && at(2) <= 0xAE) ? 3 : 0;
      }
      return at(1) == 0x81 && at(2) >= 0xA0 && at(2) <= 0xAF ? 3 : 0;
    case 0xEF: return at(1) == 0xBB && at(2) == 0xBF ? 3 : 0;  // U+FEFF
    default: return (at(0) < 0x20 && at(0) != '\n' && at(0) != '\t') || at(0) == 0x7F ? 1 : 0;
  }
}

bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace godwit
