// The process's own standard streams as a guest's: nothing blocks beyond what poll(2) has promised,
// and no flag of a descriptor is changed (it may be shared with the shell that started us).
//
//   DescriptorInput input(STDIN_FILENO, limits.request_body_bytes);
//   DescriptorOutput output(STDOUT_FILENO, pipe);      // takes what a guest writes into the pipe
//   loop.add(input); loop.add(output);
//
// One thread. The descriptors stay the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "capability/stream.h"
#include "cli/poll_loop.h"
#include "http/body_pipe.h"

namespace godwit::cli {

class DescriptorInput final : public capability::InputStream, public PollLoop::Source {
 public:
  DescriptorInput(int fd, std::uint64_t limit_bytes) : fd_(fd), limit_bytes_(limit_bytes) {}

  // capability::InputStream
  capability::ReadResult read(MutableByteSpan out) override;
  bool wait_readable(Waker* waker) override;
  void cancel_wait() override { waker_ = nullptr; }
  std::size_t available() const override;

  // There is more than the limit allows. The guest then waits for ever: end it.
  bool over_limit() const { return over_limit_; }
  // Why reading failed; the guest saw the end. Empty: it did not fail.
  const std::string& problem() const { return problem_; }

  // PollLoop::Source
  int fd() const override { return fd_; }
  short wanted() const override;
  void ready() override;

 private:
  bool is_readable() const;

  const int fd_;
  const std::uint64_t limit_bytes_;
  std::uint64_t read_bytes_ = 0;
  bool ended_ = false;
  bool over_limit_ = false;
  bool waiting_ = false;  // a read was told to wait, and the loop has not seen anything since
  std::string problem_;
  Waker* waker_ = nullptr;
};

// Writes a text of ours, then what is in the pipe, piece by piece as the reader takes it.
class DescriptorOutput final : public PollLoop::Source {
 public:
  DescriptorOutput(int fd, http::BodyPipe& pipe);

  // Goes out before anything else that is not out yet. Bounded by the caller.
  void write_first(std::string_view text) { text_ += text; }
  // While held nothing leaves the pipe.
  void hold() { held_ = true; }
  void let_go() { held_ = false; }

  // Writes what the reader takes at once.
  void flush_now();

  // Nothing is left to write.
  bool drained() const { return text_.empty() && (held_ || pipe_.empty()); }
  // The reader is gone (EPIPE), or the disk is full; the pipe is abandoned then.
  bool broken() const { return error_number_ != 0; }
  int error_number() const { return error_number_; }

  // PollLoop::Source
  int fd() const override { return fd_; }
  short wanted() const override;
  void ready() override;

 private:
  // How many bytes the descriptor took.
  std::size_t write_some(ByteSpan bytes);
  void fail_with_errno();

  const int fd_;
  http::BodyPipe& pipe_;
  std::size_t piece_bytes_;
  std::string text_;
  bool held_ = false;
  int error_number_ = 0;
};

}  // namespace godwit::cli
