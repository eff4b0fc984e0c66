// BodyPipe: a bounded queue of bytes between one producer and one consumer on the same worker. The
// one type for request bodies, guest stdio, response bodies and outbound bodies.
//
//   const std::size_t taken = pipe.write(bytes);         // writer: less than all when it is full
//   if (taken < bytes.size()) pipe.wait_writable(waker);  // woken at the low watermark
//   ...
//   socket.send(pipe.peek()); pipe.consume(sent);         // reader
//   if (pipe.empty() && !pipe.at_end()) pipe.wait_readable(waker);
//
// Watermarks: a writer gets no room beyond `high_bytes`; one that waits is woken once the reader
// has drained to `low_bytes`. The writer ends it with finish() (all was said) or abort() (it
// failed); the reader gives up with abandon(). Whatever came first stays.
//
// Spans stay put: what peek() returned stays valid until the reader's own consume(), abandon() or
// reset(), whatever the writer does meanwhile; what prepare() returned until the writer's own
// commit(), prepare() or reset(), whatever the reader does.
//
// Not thread-safe: worker-local. Wakers only note the fact (base/waker.h), so they are called from
// inside these functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/error.h"
#include "base/waker.h"

namespace godwit::http {

class BodyPipe final {
 public:
  static constexpr std::size_t kHighBytes = std::size_t{64} << 10;
  static constexpr std::size_t kLowBytes = std::size_t{16} << 10;

  // REQUIRES: 0 < high_bytes <= kHighBytes, low_bytes < high_bytes.
  struct Options {
    std::size_t high_bytes = kHighBytes;
    std::size_t low_bytes = kLowBytes;
  };

  BodyPipe() : BodyPipe(Options()) {}
  explicit BodyPipe(Options options);
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;
  ~BodyPipe();

  // --- The writer
  // --------------------------------------------------------------------------------- A contiguous
  // region to fill, at most `want` bytes, maybe shorter; empty when the pipe is full or closed on
  // either side, or when `want` is 0.
  MutableByteSpan prepare(std::size_t want);
  // The first `count` bytes of the prepared region are written. REQUIRES: count <= its size.
  void commit(std::size_t count);
  // Copies as much as there is room for; returns how much that was.
  std::size_t write(ByteSpan bytes);
  // How many bytes write() would take now.
  std::size_t writable_bytes() const;
  // No more bytes will come. Ignored after finish() or abort().
  void finish();
  // The writer failed and the body will never be whole. What was written can still be read.
  // Ignored after finish() or abort().
  void abort(ErrorCode reason);
  // The reader went away: nothing that is written reaches anyone. The writer should stop.
  bool abandoned() const { return abandoned_; }
  // Wakes once when size() <= low_bytes or the pipe is closed on either side; at once if that is
  // so now. A second registration replaces the first.
  void wait_writable(Waker& waker);
  void cancel_writable() { writer_waker_ = nullptr; }

  // --- The reader
  // --------------------------------------------------------------------------------- The oldest
  // bytes, contiguous; empty only when the pipe is empty.
  ByteSpan peek() const;
  // The oldest bytes as several spans (for writev); returns how many of `spans` were filled.
  std::size_t peek(std::span<ByteSpan> spans) const;
  // The oldest `count` bytes are done with. REQUIRES: count <= size().
  void consume(std::size_t count);
  // Copies out and consumes up to out.size() bytes; returns how many.
  std::size_t read(MutableByteSpan out);
  // Every byte was consumed and no more will come: the body was whole.
  bool at_end() const { return finished_ && size_ == 0; }
  // True as soon as the writer has called abort(), even while bytes are left.
  bool aborted() const { return abort_reason_.has_value(); }
  std::optional<ErrorCode> abort_reason() const { return abort_reason_; }
  // The reader goes away: drops what is queued, and the writer is told at once. Idempotent.
  void abandon();
  // Wakes once when there is something to read, or finish(), abort() or abandon() was called; at
  // once if that is so now. A second registration replaces the first.
  void wait_readable(Waker& waker);
  void cancel_readable() { reader_waker_ = nullptr; }

  // --- Both
  // ---------------------------------------------------------------------------------------
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool finished() const { return finished_; }
  // Bytes that were committed since the start or reset(), consumed ones included.
  std::uint64_t total_written() const { return total_written_; }
  // As new, for the next request of a connection; keeps a small block, frees large ones and
  // forgets who waits.
  void reset();
  // Bytes of storage that are held now.
  std::size_t capacity_bytes() const;

  // Narrow: memory is scarce. A writer gets no room beyond kNarrowHighBytes, and storage is taken
  // in small blocks, so that no more than kNarrowCapacityBytes are held once what is queued has
  // been read. May change at any moment, loses nothing, and stays over reset().
  enum class Width : std::uint8_t { kFull, kNarrow };
  static constexpr std::size_t kNarrowHighBytes = std::size_t{16} << 10;
  static constexpr std::size_t kNarrowLowBytes = std::size_t{4} << 10;
  static constexpr std::size_t kNarrowCapacityBytes = std::size_t{25} << 10;
  void set_width(Width width);
  Width width() const { return width_; }

 private:
  static constexpr std::size_t kInlineBytes = 512;
  static constexpr std::size_t kSmallBlockBytes = std::size_t{4} << 10;
  static constexpr std::size_t kLargeBlockBytes = std::size_t{16} << 10;
  // 64 KiB never span more than: a head and a tail in part, three large and one small in between;
  // after a narrow time, a head in part, three small and three large ones and a tail.
  static constexpr std::size_t kMaxBlocks = 10;

  // A block's bytes [begin, end) are queued. Heap blocks own `storage`; the inline one does not.
  struct Block {
    std::unique_ptr<std::byte[]> storage;
    std::byte* data = nullptr;
    std::size_t capacity = 0;
    std::size_t begin = 0;
    std::size_t end = 0;

    std::size_t size() const { return end - begin; }
  };

  bool closed() const { return finished_ || aborted() || abandoned_; }
  Block& block(std::size_t index) { return blocks_[(first_ + index) % kMaxBlocks]; }
  const Block& block(std::size_t index) const { return blocks_[(first_ + index) % kMaxBlocks]; }
  Block& tail() { return block(count_ - 1); }
  std::size_t high_bytes() const;
  std::size_t low_bytes() const;
  bool tail_has_room(std::size_t want) const;
  void push_block(std::size_t want);
  void pop_block();
  void drop_all();
  static void wake(Waker*& registration);

  Options options_;
  Width width_ = Width::kFull;
  std::size_t size_ = 0;
  std::size_t prepared_ = 0;  // size of the region that prepare() gave out
  std::uint64_t total_written_ = 0;
  Waker* reader_waker_ = nullptr;
  Waker* writer_waker_ = nullptr;
  bool finished_ = false;
  bool abandoned_ = false;
  std::optional<ErrorCode> abort_reason_;
  std::size_t first_ = 0;  // index of the oldest block
  std::size_t count_ = 0;  // blocks in use
  std::array<Block, kMaxBlocks> blocks_;
  Block spare_;  // one retired heap block, so that a steady stream does not allocate
  std::array<std::byte, kInlineBytes> inline_storage_;
};

}  // namespace godwit::http
