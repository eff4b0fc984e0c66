#include "gateway/guest_streams.h"

#include <algorithm>

namespace godwit::gateway {

capability::ReadResult GuestInput::read(MutableByteSpan out) {
  const std::size_t size = pipe_.read(out);
  if (size > 0) return {capability::ReadStatus::kBytes, size};
  if (pipe_.finished() || pipe_.aborted() || pipe_.abandoned()) {
    return {capability::ReadStatus::kEnd, 0};
  }
  return {capability::ReadStatus::kPending, 0};
}

bool GuestInput::wait_readable(Waker* waker) {
  if (!pipe_.empty() || pipe_.finished() || pipe_.aborted() || pipe_.abandoned()) return false;
  pipe_.wait_readable(*waker);
  return true;
}

std::uint64_t GuestOutput::left() const {
  return limit_bytes_ - std::min(limit_bytes_, pipe_.total_written());
}

MutableByteSpan GuestOutput::prepare(std::size_t want) {
  if (left() == 0) {
    over_limit_ = true;
    return {};
  }
  std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(want, left()));
  if (!head_sent_) room = std::min(room, kHeadBytes - std::min(kHeadBytes, pipe_.size()));
  return pipe_.prepare(room);
}

// At the limit a byte may be tried: a guest that asks first would wait for ever, and one that has
// written all of its answer must not be ended for asking.
std::size_t GuestOutput::room() const {
  if (closed() || over_limit_) return 0;
  if (left() == 0) return 1;
  std::size_t room = std::min<std::uint64_t>(pipe_.writable_bytes(), left());
  if (!head_sent_) room = std::min(room, kHeadBytes - std::min(kHeadBytes, pipe_.size()));
  return room;
}

bool GuestOutput::wait_writable(Waker* waker) {
  if (closed() || room() > 0) return false;
  // Over the limit, or held back for the head: not the pipe's state but the exchange moves it on;
  // it looks at over_limit() and wants_head() when the guest has given way, and wakes the guest.
  if (over_limit_ || wants_head()) return true;
  pipe_.wait_writable(*waker);
  return true;
}

}  // namespace godwit::gateway
