// SPDX-License-Identifier: Apache-2.0

#include "png.h"

#include <algorithm>

namespace {

// Chunks of this many bytes leave while the image is still being computed.
constexpr size_t kIdatSize = 16 * 1024;

// RFC 1951, 3.2.5.
constexpr size_t kMinMatch = 3;
constexpr size_t kMaxMatch = 258;
constexpr uint32_t kEndOfBlock = 256;

struct Code {
  uint32_t symbol;
  uint32_t extra_bits;
  int extra_count;
};

// The CRC-32 of ISO/IEC 15948, annex D, a byte a step.
constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc & 1 ? 0xedb88320u ^ crc >> 1 : crc >> 1;
    }
    table[byte] = crc;
  }
  return table;
}();

uint32_t update_crc(uint32_t crc, std::span<const uint8_t> bytes) {
  for (const uint8_t byte : bytes) {
    crc = kCrcTable[(crc ^ byte) & 0xff] ^ crc >> 8;
  }
  return crc;
}

std::array<uint8_t, 4> big_endian(uint32_t word) {
  return {static_cast<uint8_t>(word >> 24), static_cast<uint8_t>(word >> 16),
          static_cast<uint8_t>(word >> 8), static_cast<uint8_t>(word)};
}

// Failed writes are found by finish(): a FILE remembers them.
void write_bytes(std::FILE* file, std::span<const uint8_t> bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), file);
}

void write_chunk(std::FILE* file, std::string_view type, std::span<const uint8_t> data) {
  const std::span type_bytes(reinterpret_cast<const uint8_t*>(type.data()), type.size());
  const uint32_t crc = ~update_crc(update_crc(~0u, type_bytes), data);
  write_bytes(file, big_endian(static_cast<uint32_t>(data.size())));
  write_bytes(file, type_bytes);
  write_bytes(file, data);
  write_bytes(file, big_endian(crc));
}

// Huffman codes go out highest bit first, everything else lowest first.
uint32_t reverse_bits(uint32_t bits, int count) {
  uint32_t reversed = 0;
  for (int i = 0; i < count; ++i) {
    reversed = reversed << 1 | (bits >> i & 1);
  }
  return reversed;
}

// The fixed code for literals and lengths, RFC 1951, 3.2.6.
void put_symbol(IdatWriter& out, uint32_t symbol) {
  if (symbol < 144) {
    out.put_bits(reverse_bits(0x30 + symbol, 8), 8);
  } else if (symbol < 256) {
    out.put_bits(reverse_bits(0x190 + symbol - 144, 9), 9);
  } else if (symbol < 280) {
    out.put_bits(reverse_bits(symbol - 256, 7), 7);
  } else {
    out.put_bits(reverse_bits(0xc0 + symbol - 280, 8), 8);
  }
}

// Lengths come in groups of four codes (distances: of two) that each cover twice as many values
// as those of the group before: the symbol is the group and the highest bits, the rest is extra.
Code length_code(size_t length) {
  if (length == kMaxMatch) {
    return {285, 0, 0};
  }
  const auto value = static_cast<uint32_t>(length - kMinMatch);
  int extra = 0;
  while (value >> extra >= 8) {
    ++extra;
  }
  const uint32_t group = extra > 0 ? 4 * static_cast<uint32_t>(extra) : 0;
  return {257 + group + (value >> extra), value & ((1u << extra) - 1), extra};
}

Code distance_code(size_t distance) {
  const auto value = static_cast<uint32_t>(distance - 1);
  int extra = 0;
  while (value >> extra >= 4) {
    ++extra;
  }
  const uint32_t group = extra > 0 ? 2 * static_cast<uint32_t>(extra) : 0;
  return {group + (value >> extra), value & ((1u << extra) - 1), extra};
}

void put_match(IdatWriter& out, size_t length, size_t distance) {
  const Code length_part = length_code(length);
  put_symbol(out, length_part.symbol);
  out.put_bits(length_part.extra_bits, length_part.extra_count);
  const Code distance_part = distance_code(distance);
  out.put_bits(reverse_bits(distance_part.symbol, 5), 5);
  out.put_bits(distance_part.extra_bits, distance_part.extra_count);
}

}  // namespace

void IdatWriter::put_bits(uint32_t bits, int count) {
  pending_ |= static_cast<uint64_t>(bits) << pending_count_;
  pending_count_ += count;
  while (pending_count_ >= 8) {
    put_byte(static_cast<uint8_t>(pending_));
    pending_ >>= 8;
    pending_count_ -= 8;
  }
}

void IdatWriter::put_byte(uint8_t byte) {
  buffer_.push_back(byte);
  if (buffer_.size() == kIdatSize) {
    flush();
  }
}

void IdatWriter::align_to_byte() {
  if (pending_count_ > 0) {
    put_bits(0, 8 - pending_count_);
  }
}

void IdatWriter::flush() {
  if (!buffer_.empty()) {
    write_chunk(file_, "IDAT", buffer_);
    buffer_.clear();
  }
}

PngWriter::PngWriter(std::FILE* file, PngSize size)
    : file_(file), size_(size), idat_(file), rows_(2 * (size_t{size.width} + 1)) {}

void PngWriter::write_header(const Palette& palette) {
  constexpr std::array<uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  write_bytes(file_, kSignature);

  std::array<uint8_t, 13> header{};
  std::ranges::copy(big_endian(size_.width), header.begin());
  std::ranges::copy(big_endian(size_.height), header.begin() + 4);
  header[8] = 8;  // Bits per pixel.
  header[9] = 3;  // Pixels are indices into a palette.
  write_chunk(file_, "IHDR", header);

  std::vector<uint8_t> colors;
  colors.reserve(3 * palette.size());
  for (const Color& color : palette) {
    colors.insert(colors.end(), {color.red, color.green, color.blue});
  }
  write_chunk(file_, "PLTE", colors);

  // RFC 1950: deflate with a window of 32 KiB; the two bytes are a multiple of 31.
  idat_.put_byte(0x78);
  idat_.put_byte(0x01);
  idat_.put_bits(0b011, 3);  // RFC 1951: the last block, and its Huffman codes are the fixed ones.
}

void PngWriter::write_row(std::span<const uint8_t> indices) {
  const size_t stride = rows_.size() / 2;
  std::copy(rows_.begin() + static_cast<ptrdiff_t>(stride), rows_.end(), rows_.begin());
  rows_[stride] = 0;  // No filter: they are of no use to a palette.
  std::ranges::copy(indices, rows_.begin() + static_cast<ptrdiff_t>(stride) + 1);

  // RFC 1950, 8.2. The sums fit 32 bits for far longer rows than these.
  for (size_t i = stride; i < rows_.size(); ++i) {
    adler_low_ += rows_[i];
    adler_high_ += adler_low_ %= 65521;
  }
  adler_high_ %= 65521;
  compress_row();
  is_first_row_ = false;
}

bool PngWriter::finish() {
  put_symbol(idat_, kEndOfBlock);
  idat_.align_to_byte();
  for (const uint8_t byte : big_endian(adler_high_ << 16 | adler_low_)) {
    idat_.put_byte(byte);
  }
  idat_.flush();
  write_chunk(file_, "IEND", {});
  return std::fflush(file_) == 0 && std::ferror(file_) == 0;
}

// How many bytes of the row from `at` on equal those `distance` bytes before them.
size_t PngWriter::match_length(size_t at, size_t distance) const {
  const size_t limit = std::min(kMaxMatch, rows_.size() - at);
  size_t length = 0;
  while (length < limit && rows_[at + length] == rows_[at + length - distance]) {
    ++length;
  }
  return length;
}

// Pictures repeat the pixel to the left (a run) or the pixels above. Looking only there finds most
// of what a search with hash tables would.
void PngWriter::compress_row() {
  const size_t stride = rows_.size() / 2;
  size_t at = stride;
  while (at < rows_.size()) {
    // What is before the first row was never sent, so the first byte has nothing to its left.
    const bool has_left = !is_first_row_ || at > stride;
    const size_t run = has_left ? match_length(at, 1) : 0;
    const size_t above = is_first_row_ ? 0 : match_length(at, stride);
    const size_t length = std::max(run, above);
    if (length < kMinMatch) {
      put_symbol(idat_, rows_[at]);
      ++at;
    } else {
      put_match(idat_, length, run >= above ? 1 : stride);
      at += length;
    }
  }
}
