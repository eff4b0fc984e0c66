// Reader: walks over bytes from outside. Its failure is sticky: after the first problem every read
// gives zero or nothing and ok() is false, so that a parser needs one check per loop and one at its
// end. Never reads outside its span. Not thread-safe.
//
//   Reader reader(bytes);
//   const std::uint32_t count = reader.count(2);  // of things that take at least two bytes each
//   for (std::uint32_t i = 0; i < count && reader.ok(); ++i) …
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace godwit::wasm {

class Reader final {
 public:
  // `base` is the offset of bytes[0] in the file, for messages.
  explicit Reader(ByteSpan bytes, std::size_t base = 0) : bytes_(bytes), base_(base) {}

  bool ok() const { return problem_.empty(); }
  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t remaining() const { return bytes_.size() - position_; }
  std::size_t offset() const { return base_ + position_; }
  std::string_view problem() const { return problem_; }
  std::size_t problem_offset() const { return problem_offset_; }

  // `problem` must be static text.
  void set_problem(std::string_view problem);

  std::uint8_t byte();
  std::uint8_t peek() const;  // 0 at the end
  // LEB128 as the specification bounds it: ceil(bits / 7) bytes, no excess bits in the last one.
  std::uint32_t u32() { return static_cast<std::uint32_t>(unsigned_leb(32)); }
  std::uint64_t u64() { return unsigned_leb(64); }
  std::int64_t s33() { return signed_leb(33); }
  std::int64_t s64() { return signed_leb(64); }
  // A number of things that take at least `bytes_each` each: more than can follow is a problem.
  std::uint32_t count(std::size_t bytes_each);
  // A length and that many bytes of UTF-8.
  std::string_view name();
  ByteSpan take(std::size_t size);
  ByteSpan rest() { return take(remaining()); }

 private:
  std::uint64_t unsigned_leb(unsigned bits);
  std::int64_t signed_leb(unsigned bits);

  ByteSpan bytes_;
  std::size_t base_;
  std::size_t position_ = 0;
  std::string_view problem_;
  std::size_t problem_offset_ = 0;
};

}  // namespace godwit::wasm
