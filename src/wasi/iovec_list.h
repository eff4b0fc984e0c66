// IovecList: the buffers of one fd_read or fd_write, in guest memory. check() judges them all
// before anything is moved; buffer() looks again, because a read may overwrite the very array that
// describes its buffers. Lives for one host call.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "engine/guest_memory.h"
#include "wasi/abi.h"
#include "wasi/call.h"
#include "wasi/preview1.h"

namespace godwit::wasi {

class IovecList final {
 public:
  IovecList(const engine::GuestMemory& memory, Pointer array, Size count)
      : memory_(memory), array_(array), count_(count) {}

  // kInval: too many, or more bytes together than a size can say. kFault: the array or a buffer is
  // not in the guest's memory.
  Errno check() {
    if (count_ > kMaxIovecs) return Errno::kInval;
    std::uint64_t total = 0;
    for (Size i = 0; i < count_; ++i) {
      const auto buffer = this->buffer(i);
      if (!buffer) return Errno::kFault;
      total += buffer->size();
    }
    if (total > UINT32_MAX) return Errno::kInval;
    total_ = total;
    return Errno::kSuccess;
  }

  Size count() const { return count_; }
  // Bytes of all buffers when check() saw them.
  std::uint64_t total() const { return total_; }
  std::optional<engine::GuestSlice> buffer(Size index) const {
    const auto iovec =
        memory_.load<Iovec>(std::uint64_t{array_.address} + std::uint64_t{index} * sizeof(Iovec));
    if (!iovec) return {};
    return memory_.slice(iovec->address, iovec->size);
  }

 private:
  const engine::GuestMemory& memory_;
  Pointer array_;
  Size count_;
  std::uint64_t total_ = 0;
};

// Puts bytes into one buffer after the other.
class Scatter final {
 public:
  // Begins `skip` bytes into the list.
  explicit Scatter(const IovecList& list, std::size_t skip = 0) : list_(list), offset_(skip) {
    while (index_ != list_.count()) {
      const auto buffer = list_.buffer(index_);
      if (!buffer || offset_ < buffer->size()) break;
      offset_ -= buffer->size();
      ++index_;
    }
  }

  // How many of the bytes found room in the buffers as they are now.
  std::size_t put(ByteSpan bytes) {
    std::size_t done = 0;
    while (done != bytes.size() && index_ != list_.count()) {
      const auto buffer = list_.buffer(index_);
      if (!buffer || offset_ > buffer->size()) break;
      const std::size_t size = buffer->copy_from(bytes.subspan(done), offset_);
      done += size;
      offset_ += size;
      if (offset_ == buffer->size()) {
        ++index_;
        offset_ = 0;
      }
    }
    return done;
  }

 private:
  const IovecList& list_;
  Size index_ = 0;
  std::size_t offset_;
};

}  // namespace godwit::wasi
