#include "capability/memory_file_system_data.h"

#include <algorithm>
#include <cstring>

namespace godwit::capability {

std::size_t MemoryFileData::read(std::uint64_t offset, MutableByteSpan out) const {
  if (offset >= size_) return 0;
  const std::size_t count =
      static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
  std::size_t done = 0;
  while (done < count) {
    const std::uint64_t index = (offset + done) / kBlockBytes;
    const std::size_t begin = static_cast<std::size_t>((offset + done) % kBlockBytes);
    const std::size_t part = std::min(kBlockBytes - begin, count - done);
    if (index < blocks_.size() && blocks_[index] != nullptr) {
      std::memcpy(out.data() + done, blocks_[index].get() + begin, part);
    } else {
      std::memset(out.data() + done, 0, part);
    }
    done += part;
  }
  return count;
}

void MemoryFileData::write(std::uint64_t offset, ByteSpan bytes) {
  if (bytes.empty()) return;
  const std::uint64_t end = offset + bytes.size();
  const std::uint64_t blocks = charge_of(end) / kBlockBytes;
  if (blocks > blocks_.size()) blocks_.resize(blocks);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t index = static_cast<std::size_t>((offset + done) / kBlockBytes);
    const std::size_t begin = static_cast<std::size_t>((offset + done) % kBlockBytes);
    const std::size_t part = std::min(kBlockBytes - begin, bytes.size() - done);
    write_block(index, begin, bytes.subspan(done, part));
    done += part;
  }
  size_ = std::max(size_, end);
}

void MemoryFileData::write_block(std::size_t index, std::size_t begin, ByteSpan bytes) {
  Block& block = blocks_[index];
  if (block == nullptr) {
    block = std::make_unique_for_overwrite<std::byte[]>(kBlockBytes);
    const std::size_t end = begin + bytes.size();
    std::memset(block.get(), 0, begin);
    std::memset(block.get() + end, 0, kBlockBytes - end);
  }
  std::memcpy(block.get() + begin, bytes.data(), bytes.size());
}

void MemoryFileData::resize(std::uint64_t size) {
  if (size < size_) {
    const std::size_t blocks = static_cast<std::size_t>(charge_of(size) / kBlockBytes);
    if (blocks < blocks_.size()) {
      blocks_.resize(blocks);
      // The table is not charged for itself: it must not stay large in a thousand empty files.
      if (blocks_.capacity() / 2 > blocks) blocks_.shrink_to_fit();
    }
    const std::size_t tail = static_cast<std::size_t>(size % kBlockBytes);
    if (tail != 0 && blocks == blocks_.size() && blocks_.back() != nullptr) {
      std::memset(blocks_.back().get() + tail, 0, kBlockBytes - tail);
    }
  }
  size_ = size;
}

}  // namespace godwit::capability
