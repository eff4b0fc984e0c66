// A guest's stdin and stdout over the exchange's body pipes, with the rules that the contract adds
// to a plain pipe. Worker-local.
#pragma once

#include <cstdint>

#include "capability/stream.h"
#include "http/body_pipe.h"

namespace godwit::gateway {

// stdin: the request's body. A body that failed (too large, client gone) reads as its end; the
// exchange ends the guest by itself then.
class GuestInput final : public capability::InputStream {
 public:
  explicit GuestInput(http::BodyPipe& pipe) : pipe_(pipe) {}

  capability::ReadResult read(MutableByteSpan out) override;
  bool wait_readable(Waker* waker) override;
  void cancel_wait() override { pipe_.cancel_readable(); }
  std::size_t available() const override { return pipe_.size(); }

 private:
  http::BodyPipe& pipe_;
};

// stdout: the response's body. Until the head is out no more than kHeadBytes are taken, so that
// the guest gives way and the head is decided; more than the response limit is never taken.
class GuestOutput final : public capability::OutputStream {
 public:
  static constexpr std::size_t kHeadBytes = std::size_t{16} << 10;

  explicit GuestOutput(http::BodyPipe& pipe) : pipe_(pipe) {}

  void begin(std::uint64_t limit_bytes) {
    limit_bytes_ = limit_bytes;
    head_sent_ = false;
    over_limit_ = false;
  }
  void head_sent() { head_sent_ = true; }
  // The guest tried to write more than its response limit.
  bool over_limit() const { return over_limit_; }
  // kHeadBytes wait for the head.
  bool wants_head() const { return !head_sent_ && pipe_.size() >= kHeadBytes; }

  MutableByteSpan prepare(std::size_t want) override;
  void commit(std::size_t count) override { pipe_.commit(count); }
  std::size_t room() const override;
  bool wait_writable(Waker* waker) override;
  void cancel_wait() override { pipe_.cancel_writable(); }
  bool closed() const override { return pipe_.abandoned(); }

 private:
  std::uint64_t left() const;

  http::BodyPipe& pipe_;
  std::uint64_t limit_bytes_ = 0;
  bool head_sent_ = false;
  bool over_limit_ = false;
};

}  // namespace godwit::gateway
