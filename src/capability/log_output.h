// LogOutput: a guest's stderr on its way to the function's log, line by line, bounded. It never
// fills up and never fails: beyond its limits it says once that it was truncated and drops the
// rest, so that a talkative guest still runs.
//
//   LogOutput log({.limit_bytes = 64 << 10}, sink);   // sink.line("…") for every whole line
//   … the guest writes …
//   log.finish();                                     // what came after the last newline
//
// Lines are harmless for terminals and log files: valid UTF-8 without control characters (each
// such byte becomes '?'; a tab stays, a CR before the LF goes). Worker-local: not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "capability/stream.h"

namespace godwit::capability {

class LineSink {
 public:
  // One line without its newline, valid during the call. Called from within commit() and
  // finish(), on the guest's stack: it stores or formats the line and does nothing deep.
  virtual void line(std::string_view text) = 0;

 protected:
  ~LineSink() = default;
};

class LogOutput final : public OutputStream {
 public:
  // A longer line is cut into pieces of at most this size, between characters.
  static constexpr std::size_t kMaxLineBytes = 4096;

  struct Options {
    std::size_t limit_bytes = std::size_t{64} << 10;
    // A log line costs more than the bytes in it (time, request id): 64 KiB of empty lines must
    // not become megabytes. 0: one for every 16 bytes of limit_bytes, at least 16.
    std::size_t limit_lines = 0;
  };

  // `sink` must outlive this.
  LogOutput(const Options& options, LineSink& sink);

  MutableByteSpan prepare(std::size_t want) override;
  void commit(std::size_t size) override;
  std::size_t room() const override { return kMaxLineBytes - size_; }
  bool wait_writable(Waker*) override { return false; }
  void cancel_wait() override {}
  bool closed() const override { return false; }

  // Hands over an unfinished last line. Writing may go on after it.
  void finish();
  bool truncated() const { return truncated_; }
  // What was written beyond the limits and is in no line.
  std::uint64_t dropped_bytes() const { return dropped_bytes_; }

 private:
  void take_lines(std::size_t scanned);
  void emit(std::size_t begin, std::size_t end);
  void truncate(std::size_t begin);

  LineSink& sink_;
  std::size_t bytes_left_;
  std::size_t lines_left_;
  bool truncated_ = false;
  std::uint64_t dropped_bytes_ = 0;
  // Made at the first write: most invocations log nothing.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t size_ = 0;  // of the unfinished line, < kMaxLineBytes between calls
};

}  // namespace godwit::capability
