#include "engines/fake/script_module.h"

#include <algorithm>
#include <initializer_list>

#include "engines/fake/fake_engine.h"

namespace godwit::engines::fake {
namespace {

constexpr std::string_view kHeader{"\0asm\1\0\0\0", 8};
constexpr std::string_view kSectionName = "godwit.script";
constexpr std::byte kCustomSection{0};

void append(Bytes& out, std::initializer_list<int> bytes) {
  for (const int byte : bytes) out.push_back(static_cast<std::byte>(byte));
}

void append(Bytes& out, std::string_view text) {
  out.insert(out.end(), as_bytes(text).begin(), as_bytes(text).end());
}

// Unsigned LEB128.
void append_size(Bytes& out, std::size_t value) {
  do {
    const auto low = static_cast<int>(value & 0x7F);
    value >>= 7;
    append(out, {value != 0 ? low | 0x80 : low});
  } while (value != 0);
}

std::optional<std::size_t> take_size(ByteSpan& rest) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35 && !rest.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(rest.front());
    rest = rest.subspan(1);
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return {};
}

}  // namespace

bool is_wasm(ByteSpan bytes) { return as_text(bytes).starts_with(kHeader); }

std::optional<std::string_view> script_section(ByteSpan module) {
  ByteSpan rest = module.subspan(std::min(module.size(), kHeader.size()));
  while (!rest.empty()) {
    const std::byte id = rest.front();
    rest = rest.subspan(1);
    const auto size = take_size(rest);
    if (!size || *size > rest.size()) return {};
    ByteSpan content = rest.first(*size);
    rest = rest.subspan(*size);
    if (id != kCustomSection) continue;
    const auto name_size = take_size(content);
    if (!name_size || *name_size > content.size()) return {};
    if (as_text(content.first(*name_size)) == kSectionName) {
      return as_text(content.subspan(*name_size));
    }
  }
  return {};
}

Bytes script_module(std::string_view script) {
  Bytes module;
  append(module, kHeader);
  append(module, {1, 4, 1, 0x60, 0, 0});  // type 0: () -> ()
  append(module, {3, 2, 1, 0});           // function 0 of type 0
  append(module, {5, 3, 1, 0, 1});        // one memory, at least one page
  append(module, {7, 19, 2, 6});          // two exports
  append(module, "_start");
  append(module, {0, 0, 6});
  append(module, "memory");
  append(module, {2, 0});
  append(module, {10, 5, 1, 3, 0, 0x00, 0x0B});  // its body: unreachable, end
  Bytes section;
  append_size(section, kSectionName.size());
  append(section, kSectionName);
  append(section, script);
  append(module, {0});
  append_size(module, section.size());
  module.insert(module.end(), section.begin(), section.end());
  return module;
}

}  // namespace godwit::engines::fake
