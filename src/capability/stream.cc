#include "capability/stream.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace godwit::capability {
namespace {

// Room given out at once: a writer that wants more comes again, and a huge wish allocates nothing.
constexpr std::size_t kMaxRoomBytes = std::size_t{64} << 10;

}  // namespace

ReadResult BytesInput::read(MutableByteSpan out) {
  const std::size_t size = std::min(out.size(), available());
  if (size == 0) return {};
  std::memcpy(out.data(), bytes_.data() + position_, size);
  position_ += size;
  return {ReadStatus::kBytes, size};
}

MutableByteSpan StringOutput::prepare(std::size_t want) {
  if (closed_) return {};
  const std::size_t room = std::min({want, limit_ - size_, kMaxRoomBytes});
  text_.resize(size_ + room);
  return {reinterpret_cast<std::byte*>(text_.data()) + size_, room};
}

void StringOutput::commit(std::size_t size) {
  CHECK(size <= text_.size() - size_, size, text_.size(), size_);
  size_ += size;
}

bool StringOutput::wait_writable(Waker* waker) {
  if (closed_ || size_ < limit_) return false;
  waker_ = waker;
  return true;
}

std::string StringOutput::take() {
  std::string taken(text());
  text_.clear();
  size_ = 0;
  wake();
  return taken;
}

void StringOutput::close() {
  closed_ = true;
  wake();
}

void StringOutput::wake() {
  if (Waker* const waker = std::exchange(waker_, nullptr)) waker->wake();
}

}  // namespace godwit::capability
