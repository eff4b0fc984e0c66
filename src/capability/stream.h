// InputStream and OutputStream: the two ends of whatever an invocation reads and writes. A request
// body, a response body, a log, a string in a test: the host functions see only this.
//
//   const ReadResult got = stdin_stream.read(buffer);
//   if (got.status == ReadStatus::kPending && stdin_stream.wait_readable(&waker)) return pending;
//
//   const MutableByteSpan room = stdout_stream.prepare(text.size());  // empty: full, or closed()
//   std::copy_n(text.data(), n, room.data());
//   stdout_stream.commit(n);
//
// Worker-local: not thread-safe. A stream has one waiter at a time; a registration is one-shot and
// must be cancelled before the waker dies. No call blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/waker.h"

namespace godwit::capability {

enum class ReadStatus : std::uint8_t {
  kBytes,    // `size` bytes were read; at least one when the buffer has room
  kEnd,      // nothing more will come; so says every later read
  kPending,  // nothing yet
};

struct ReadResult {
  ReadStatus status = ReadStatus::kEnd;
  std::size_t size = 0;  // 0 unless kBytes
};

class InputStream {
 public:
  // Moves up to out.size() bytes into `out`. REQUIRES: out is not empty.
  virtual ReadResult read(MutableByteSpan out) = 0;
  // Registers `waker` for the moment when a read would no longer be kPending; replaces an earlier
  // registration. False, and nothing is registered, when a read would already succeed or end.
  virtual bool wait_readable(Waker* waker) = 0;
  // Forgets the registration, if any.
  virtual void cancel_wait() = 0;
  // Bytes that can be read now without waiting (0: none yet, or the end).
  virtual std::size_t available() const = 0;

 protected:
  ~InputStream() = default;
};

class OutputStream {
 public:
  // Room for up to `want` bytes: a contiguous region that may be smaller (call again after
  // commit), empty when the stream is full or closed. Valid until the next call of any member.
  // REQUIRES: want > 0.
  virtual MutableByteSpan prepare(std::size_t want) = 0;
  // The first `size` bytes of the prepared region were written.
  // REQUIRES: size <= that region's size.
  virtual void commit(std::size_t size) = 0;
  // How many bytes a writer may try to write now; 0: full or closed. Changes nothing and is no
  // attempt to write. Where it takes an attempt to learn that a limit is reached it is at least 1.
  virtual std::size_t room() const = 0;
  // As InputStream::wait_readable, for the moment when there is room() or closed() is true.
  virtual bool wait_writable(Waker* waker) = 0;
  virtual void cancel_wait() = 0;
  // The reader is gone and nothing that is written will arrive (a guest gets EPIPE). Final.
  virtual bool closed() const = 0;

 protected:
  ~OutputStream() = default;
};

// Nothing to read: at its end from the start.
class EmptyInput final : public InputStream {
 public:
  ReadResult read(MutableByteSpan) override { return {}; }
  bool wait_readable(Waker*) override { return false; }
  void cancel_wait() override {}
  std::size_t available() const override { return 0; }
};

// The bytes of a string, all there from the start.
class BytesInput final : public InputStream {
 public:
  explicit BytesInput(std::string bytes) : bytes_(std::move(bytes)) {}

  ReadResult read(MutableByteSpan out) override;
  bool wait_readable(Waker*) override { return false; }
  void cancel_wait() override {}
  std::size_t available() const override { return bytes_.size() - position_; }

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

// Collects what is written, up to `limit` bytes that nobody has taken yet: then it is full, as a
// pipe is. For tests and tools.
class StringOutput final : public OutputStream {
 public:
  explicit StringOutput(std::size_t limit) : limit_(limit) {}

  MutableByteSpan prepare(std::size_t want) override;
  void commit(std::size_t size) override;
  std::size_t room() const override { return closed_ ? 0 : limit_ - size_; }
  bool wait_writable(Waker* waker) override;
  void cancel_wait() override { waker_ = nullptr; }
  bool closed() const override { return closed_; }

  std::string_view text() const { return {text_.data(), size_}; }
  // Empties it and wakes a writer that waits for room.
  std::string take();
  // The reader goes away.
  void close();

 private:
  void wake();

  std::size_t limit_;
  std::string text_;      // the first size_ bytes are written, the rest is prepared room
  std::size_t size_ = 0;  // <= limit_
  bool closed_ = false;
  Waker* waker_ = nullptr;
};

}  // namespace godwit::capability
