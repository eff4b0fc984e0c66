#include "wasm/reader.h"

namespace godwit::wasm {

void Reader::set_problem(std::string_view problem) {
  if (!ok()) return;
  problem_ = problem;
  problem_offset_ = offset();
}

std::uint8_t Reader::byte() {
  if (!ok()) return 0;
  if (at_end()) {
    set_problem("unexpected end");
    return 0;
  }
  return std::to_integer<std::uint8_t>(bytes_[position_++]);
}

std::uint8_t Reader::peek() const {
  return ok() && !at_end() ? std::to_integer<std::uint8_t>(bytes_[position_]) : 0;
}

std::uint64_t Reader::unsigned_leb(unsigned bits) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < bits; shift += 7) {
    const std::uint8_t next = byte();
    if (!ok()) return 0;
    const unsigned payload = next & 0x7Fu;
    if (bits - shift < 7 && (payload >> (bits - shift)) != 0) {
      set_problem("integer too large");
      return 0;
    }
    value |= std::uint64_t{payload} << shift;
    if ((next & 0x80u) == 0) return value;
  }
  set_problem("integer representation too long");
  return 0;
}

std::int64_t Reader::signed_leb(unsigned bits) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < bits; shift += 7) {
    const std::uint8_t next = byte();
    if (!ok()) return 0;
    const unsigned payload = next & 0x7Fu;
    if (bits - shift < 7) {
      // The bits above the value's sign bit must repeat it.
      const unsigned used = bits - shift;
      const unsigned above = payload >> (used - 1);
      const unsigned all_ones = 0x7Fu >> (used - 1);
      if (above != 0 && above != all_ones) {
        set_problem("integer too large");
        return 0;
      }
    }
    value |= std::uint64_t{payload} << shift;
    if ((next & 0x80u) != 0) continue;
    const unsigned filled = shift + 7;
    if (filled < 64 && (payload & 0x40u) != 0) value |= ~std::uint64_t{0} << filled;
    return static_cast<std::int64_t>(value);
  }
  set_problem("integer representation too long");
  return 0;
}

std::uint32_t Reader::count(std::size_t bytes_each) {
  const std::uint32_t value = u32();
  if (ok() && value > remaining() / bytes_each) {
    set_problem("more elements than bytes");
    return 0;
  }
  return value;
}

ByteSpan Reader::take(std::size_t size) {
  if (!ok()) return {};
  if (size > remaining()) {
    set_problem("length beyond the end");
    return {};
  }
  const ByteSpan taken = bytes_.subspan(position_, size);
  position_ += size;
  return taken;
}

std::string_view Reader::name() {
  const std::uint32_t size = u32();
  const std::string_view text = as_text(take(size));
  if (!is_utf8(text)) {
    set_problem("name is not UTF-8");
    return {};
  }
  return text;
}

}  // namespace godwit::wasm
