#include "http/body_pipe.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace godwit::http {

BodyPipe::BodyPipe(Options options) : options_(options) {
  CHECK(options.high_bytes > 0 && options.high_bytes <= kHighBytes, options.high_bytes);
  CHECK(options.low_bytes < options.high_bytes, options.low_bytes, options.high_bytes);
}

BodyPipe::~BodyPipe() = default;

std::size_t BodyPipe::high_bytes() const {
  return width_ == Width::kFull ? options_.high_bytes
                                : std::min(options_.high_bytes, kNarrowHighBytes);
}

std::size_t BodyPipe::low_bytes() const {
  return width_ == Width::kFull ? options_.low_bytes
                                : std::min(options_.low_bytes, kNarrowLowBytes);
}

std::size_t BodyPipe::writable_bytes() const {
  // A pipe that became narrow may hold more than it would take.
  return closed() ? 0 : high_bytes() - std::min(high_bytes(), size_);
}

void BodyPipe::set_width(Width width) {
  width_ = width;
  if (width == Width::kNarrow) {
    if (count_ == 1 && size_ == 0 && prepared_ == 0) pop_block();
    if (spare_.capacity > kSmallBlockBytes) spare_ = Block();
  } else if (size_ <= low_bytes()) {
    wake(writer_waker_);  // it waited for less than it would wait for now
  }
}

// An empty pipe's block starts again at its beginning, but one that is too small for `want` makes
// room for a larger one: a socket that offers 16 KiB should not be read 512 bytes at a time.
bool BodyPipe::tail_has_room(std::size_t want) const {
  if (count_ == 0) return false;
  const Block& last = block(count_ - 1);
  if (last.size() == 0) return count_ > 1 || last.capacity >= std::min(want, kLargeBlockBytes);
  return last.end < last.capacity;
}

MutableByteSpan BodyPipe::prepare(std::size_t want) {
  prepared_ = 0;
  want = std::min(want, writable_bytes());
  if (want == 0) return {};
  if (!tail_has_room(want)) {
    if (count_ == 1 && tail().size() == 0) pop_block();
    push_block(want);
  }
  Block& last = tail();
  if (last.size() == 0) last.begin = last.end = 0;
  prepared_ = std::min(want, last.capacity - last.end);
  return {last.data + last.end, prepared_};
}

void BodyPipe::commit(std::size_t count) {
  CHECK(count <= prepared_, count, prepared_);
  prepared_ = 0;
  if (closed()) {
    if (abandoned_) drop_all();
    return;
  }
  if (count == 0) return;
  tail().end += count;
  size_ += count;
  total_written_ += count;
  wake(reader_waker_);
}

std::size_t BodyPipe::write(ByteSpan bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const MutableByteSpan region = prepare(bytes.size() - written);
    if (region.empty()) break;
    std::memcpy(region.data(), bytes.data() + written, region.size());
    commit(region.size());
    written += region.size();
  }
  return written;
}

void BodyPipe::finish() {
  if (finished_ || aborted()) return;
  finished_ = true;
  wake(reader_waker_);
  wake(writer_waker_);
}

void BodyPipe::abort(ErrorCode reason) {
  if (finished_ || aborted()) return;
  abort_reason_ = reason;
  wake(reader_waker_);
  wake(writer_waker_);
}

void BodyPipe::wait_writable(Waker& waker) {
  writer_waker_ = &waker;
  if (size_ <= low_bytes() || closed()) wake(writer_waker_);
}

ByteSpan BodyPipe::peek() const {
  if (size_ == 0) return {};
  const Block& first = block(0);
  return {first.data + first.begin, first.size()};
}

std::size_t BodyPipe::peek(std::span<ByteSpan> spans) const {
  std::size_t filled = 0;
  for (std::size_t i = 0; i < count_ && filled < spans.size(); ++i) {
    const Block& each = block(i);
    if (each.size() != 0) spans[filled++] = {each.data + each.begin, each.size()};
  }
  return filled;
}

void BodyPipe::consume(std::size_t count) {
  CHECK(count <= size_, count, size_);
  size_ -= count;
  while (count != 0) {
    Block& first = block(0);
    const std::size_t part = std::min(count, first.size());
    first.begin += part;
    count -= part;
    // The last block stays even when it is empty: the writer may hold a region of it.
    if (first.size() == 0 && count_ > 1) pop_block();
  }
  if (size_ <= low_bytes()) wake(writer_waker_);
}

std::size_t BodyPipe::read(MutableByteSpan out) {
  std::size_t copied = 0;
  while (copied < out.size() && size_ != 0) {
    const ByteSpan bytes = peek();
    const std::size_t part = std::min(bytes.size(), out.size() - copied);
    std::memcpy(out.data() + copied, bytes.data(), part);
    consume(part);
    copied += part;
  }
  return copied;
}

void BodyPipe::abandon() {
  if (abandoned_) return;
  abandoned_ = true;
  if (prepared_ == 0) {
    drop_all();
  } else {
    // The writer may be filling a region of the last block; commit() drops that one.
    while (count_ > 1) pop_block();
    tail().begin = tail().end;
  }
  size_ = 0;
  wake(reader_waker_);
  wake(writer_waker_);
}

void BodyPipe::wait_readable(Waker& waker) {
  reader_waker_ = &waker;
  if (size_ != 0 || closed()) wake(reader_waker_);
}

void BodyPipe::reset() {
  drop_all();
  if (spare_.capacity > kSmallBlockBytes) spare_ = Block();
  size_ = 0;
  prepared_ = 0;
  total_written_ = 0;
  reader_waker_ = nullptr;
  writer_waker_ = nullptr;
  finished_ = false;
  abandoned_ = false;
  abort_reason_.reset();
}

std::size_t BodyPipe::capacity_bytes() const {
  std::size_t total = kInlineBytes + spare_.capacity;
  for (std::size_t i = 0; i < count_; ++i) {
    if (block(i).storage) total += block(i).capacity;
  }
  return total;
}

void BodyPipe::push_block(std::size_t want) {
  CHECK(count_ < kMaxBlocks, count_, size_);
  Block& added = blocks_[(first_ + count_) % kMaxBlocks];
  if (count_ == 0 && want <= kInlineBytes) {
    added = {.data = inline_storage_.data(), .capacity = kInlineBytes};
  } else {
    // Small bodies stay small; what has outgrown a small block gets large ones.
    const bool small =
        width_ == Width::kNarrow || (size_ < kSmallBlockBytes && want <= kSmallBlockBytes);
    const std::size_t capacity = small ? kSmallBlockBytes : kLargeBlockBytes;
    if (spare_.capacity >= capacity) {
      added = std::exchange(spare_, Block());
    } else {
      added.storage = std::make_unique_for_overwrite<std::byte[]>(capacity);
      added.data = added.storage.get();
      added.capacity = capacity;
    }
    added.begin = added.end = 0;
  }
  ++count_;
}

void BodyPipe::pop_block() {
  Block& first = block(0);
  const bool keep = width_ == Width::kFull || first.capacity <= kSmallBlockBytes;
  if (first.storage && keep && first.capacity > spare_.capacity) spare_ = std::move(first);
  first = Block();
  first_ = (first_ + 1) % kMaxBlocks;
  --count_;
}

void BodyPipe::drop_all() {
  while (count_ != 0) pop_block();
}

void BodyPipe::wake(Waker*& registration) {
  // Taken off first: the one who is woken may register again from within.
  if (Waker* waker = std::exchange(registration, nullptr)) waker->wake();
}

}  // namespace godwit::http
