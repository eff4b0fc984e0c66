#include "cli/descriptor_streams.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace godwit::cli {

// --- Input --------------------------------------------------------------------------------------

bool DescriptorInput::is_readable() const {
  pollfd waiting{fd_, POLLIN, 0};
  // POLLNVAL, for a descriptor that is closed, counts: read() then says what is wrong.
  return ::poll(&waiting, 1, 0) > 0;
}

capability::ReadResult DescriptorInput::read(MutableByteSpan out) {
  using capability::ReadStatus;
  if (ended_) return {ReadStatus::kEnd, 0};
  waiting_ = over_limit_ || !is_readable();
  if (waiting_) return {ReadStatus::kPending, 0};
  // At the limit one byte more tells the end from too much.
  std::byte beyond{};
  const std::uint64_t left = limit_bytes_ - read_bytes_;
  const MutableByteSpan part =
      left == 0 ? MutableByteSpan(&beyond, 1)
                : out.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size())));
  ssize_t count = 0;
  do {
    count = ::read(fd_, part.data(), part.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) {
    waiting_ = true;
    return {ReadStatus::kPending, 0};
  }
  if (count < 0) problem_ = errno_text();
  if (count <= 0) {
    ended_ = true;
    return {ReadStatus::kEnd, 0};
  }
  if (left == 0) {
    over_limit_ = true;
    waiting_ = true;
    return {ReadStatus::kPending, 0};
  }
  read_bytes_ += static_cast<std::uint64_t>(count);
  return {ReadStatus::kBytes, static_cast<std::size_t>(count)};
}

bool DescriptorInput::wait_readable(Waker* waker) {
  if (ended_) return false;
  // After a read that was told to wait, bytes may have come in between: the loop will say so. Until
  // then both answers must be the same.
  if (!waiting_ && is_readable()) return false;
  waker_ = waker;
  return true;
}

std::size_t DescriptorInput::available() const {
  int bytes = 0;
  if (ended_ || over_limit_ || ::ioctl(fd_, FIONREAD, &bytes) != 0) return 0;
  return static_cast<std::size_t>(std::max(bytes, 0));
}

short DescriptorInput::wanted() const { return waker_ != nullptr && !over_limit_ ? POLLIN : 0; }

void DescriptorInput::ready() {
  waiting_ = false;
  if (Waker* const waker = std::exchange(waker_, nullptr)) waker->wake();
}

// --- Output -------------------------------------------------------------------------------------

DescriptorOutput::DescriptorOutput(int fd, http::BodyPipe& pipe) : fd_(fd), pipe_(pipe) {
  // poll(2) says that a pipe has room for PIPE_BUF bytes; more could block until the reader has
  // taken all of it, and then no limit of the guest would be looked at. Files never block so.
  struct stat status{};
  const bool file = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  piece_bytes_ = file ? http::BodyPipe::kHighBytes : PIPE_BUF;
}

short DescriptorOutput::wanted() const { return broken() || drained() ? 0 : POLLOUT; }

void DescriptorOutput::ready() {
  if (!text_.empty()) {
    text_.erase(0, write_some(as_bytes(text_)));
  } else {
    pipe_.consume(write_some(pipe_.peek()));
  }
  if (broken()) pipe_.abandon();
}

void DescriptorOutput::flush_now() {
  pollfd waiting{fd_, POLLOUT, 0};
  while (wanted() != 0 && ::poll(&waiting, 1, 0) > 0) ready();
}

std::size_t DescriptorOutput::write_some(ByteSpan bytes) {
  const ssize_t count = ::write(fd_, bytes.data(), std::min(bytes.size(), piece_bytes_));
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno != EAGAIN && errno != EINTR) fail_with_errno();
  return 0;
}

void DescriptorOutput::fail_with_errno() {
  error_number_ = errno;
  text_.clear();
}

}  // namespace godwit::cli
