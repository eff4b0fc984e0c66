// SPDX-License-Identifier: Apache-2.0
//
// Writes a PNG (ISO/IEC 15948) with a palette of 256 colours, row by row, so that an image of any
// height needs the memory of two rows. A PngWriter writes one image and belongs to one thread.
//
//   PngWriter png(stdout, {.width = 640, .height = 480});
//   png.write_header(palette);
//   for (each row) png.write_row(row);   // 640 palette indices
//   const bool written = png.finish();

#ifndef PNG_H_
#define PNG_H_

#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

struct Color {
  uint8_t red;
  uint8_t green;
  uint8_t blue;
};

using Palette = std::array<Color, 256>;

struct PngSize {
  uint32_t width;   // Pixels, 1 to 32767: the row above must be in reach of deflate.
  uint32_t height;  // Pixels, at least 1.
};

// The bits of a deflate stream (RFC 1951), cut into chunks of a PNG.
class IdatWriter final {
 public:
  explicit IdatWriter(std::FILE* file) : file_(file) {}

  // The lowest `count` bits of `bits`, lowest first. At most 24 bits.
  void put_bits(uint32_t bits, int count);
  void put_byte(uint8_t byte);  // Only when the stream is at the border of a byte.
  void align_to_byte();
  void flush();

 private:
  std::FILE* file_;
  uint64_t pending_ = 0;
  int pending_count_ = 0;
  std::vector<uint8_t> buffer_;
};

class PngWriter final {
 public:
  PngWriter(std::FILE* file, PngSize size);

  void write_header(const Palette& palette);
  void write_row(std::span<const uint8_t> indices);

  // Returns false when anything could not be written.
  bool finish();

 private:
  size_t match_length(size_t at, size_t distance) const;
  void compress_row();

  std::FILE* file_;
  PngSize size_;
  IdatWriter idat_;
  std::vector<uint8_t> rows_;  // The previous row and the current one, each with its filter byte.
  bool is_first_row_ = true;
  uint32_t adler_low_ = 1;
  uint32_t adler_high_ = 0;
};

#endif  // PNG_H_
