#include "capability/log_output.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace godwit::capability {
namespace {

constexpr std::size_t kBytesPerLine = 16;
constexpr std::size_t kMinLines = 16;
constexpr std::string_view kTruncatedNotice =
    "[godwit: the log limit is reached, the rest is dropped]";

// Makes text[0, size) valid UTF-8 without deceptive characters, in place, one byte for one byte.
void make_harmless(char* text, std::size_t size) {
  std::size_t begin = 0;
  while (begin < size) {
    const std::size_t end = begin + utf8_prefix({text + begin, size - begin});
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t bytes = text[i] == '\n' ? 1 : deceptive_bytes({text + i, end - i});
      std::fill_n(text + i, bytes, '?');
      if (bytes > 1) i += bytes - 1;
    }
    if (end < size) text[end] = '?';  // not UTF-8: this byte only, the next may start anew
    begin = end + 1;
  }
}

// Where to cut text[0, size), a full buffer without a newline: before a character whose bytes have
// not all arrived.
std::size_t cut_point(const char* text, std::size_t size) {
  constexpr std::size_t kMaxTail = 3;  // an unfinished UTF-8 sequence has at most 3 bytes
  for (std::size_t tail = 1; tail <= kMaxTail && tail < size; ++tail) {
    const auto byte = static_cast<unsigned char>(text[size - tail]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > tail ? size - tail : size;
  }
  return size;
}

}  // namespace

LogOutput::LogOutput(const Options& options, LineSink& sink)
    : sink_(sink),
      bytes_left_(options.limit_bytes),
      lines_left_(options.limit_lines != 0
                      ? options.limit_lines
                      : std::max(options.limit_bytes / kBytesPerLine, kMinLines)) {}

MutableByteSpan LogOutput::prepare(std::size_t want) {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(kMaxLineBytes);
  return {buffer_.get() + size_, std::min(want, kMaxLineBytes - size_)};
}

void LogOutput::commit(std::size_t size) {
  CHECK(size <= kMaxLineBytes - size_, size, size_);
  if (truncated_) {  // the region was only lent to swallow the bytes
    dropped_bytes_ += size;
    return;
  }
  const std::size_t accepted = std::min(size, bytes_left_);
  bytes_left_ -= accepted;
  const std::size_t scanned = size_;
  size_ += accepted;
  take_lines(scanned);
  dropped_bytes_ += size - accepted;
  if (accepted < size) truncate(0);
}

void LogOutput::finish() {
  if (size_ == 0) return;
  emit(0, size_);
  size_ = 0;
}

// Emits what is complete in buffer_[0, size_); no newline is before `scanned`.
void LogOutput::take_lines(std::size_t scanned) {
  auto* const text = reinterpret_cast<char*>(buffer_.get());
  std::size_t begin = 0;
  while (!truncated_) {
    const void* const newline = std::memchr(text + scanned, '\n', size_ - scanned);
    if (newline == nullptr) break;
    const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - text);
    emit(begin, end);
    begin = scanned = end + 1;
  }
  if (truncated_) return;
  if (begin == 0 && size_ == kMaxLineBytes) {
    begin = cut_point(text, size_);
    emit(0, begin);
    if (truncated_) return;
  }
  size_ -= begin;
  if (begin != 0 && size_ != 0) std::memmove(text, text + begin, size_);
}

void LogOutput::emit(std::size_t begin, std::size_t end) {
  if (lines_left_ == 0) return truncate(begin);
  --lines_left_;
  auto* const text = reinterpret_cast<char*>(buffer_.get()) + begin;
  std::size_t size = end - begin;
  if (size != 0 && text[size - 1] == '\r') --size;
  make_harmless(text, size);
  sink_.line({text, size});
}

// No line has what stands in buffer_[begin, size_).
void LogOutput::truncate(std::size_t begin) {
  if (truncated_) return;
  truncated_ = true;
  if (size_ > begin && lines_left_ != 0) {
    emit(begin, size_);
  } else {
    dropped_bytes_ += size_ - begin;
  }
  size_ = 0;
  sink_.line(kTruncatedNotice);
}

}  // namespace godwit::capability
