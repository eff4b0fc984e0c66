// The bytes of one file in memory, in blocks that exist once something was written to them. Knows
// no limits: whoever grows it has charged for it (memory_file_system_tree.h).
//
//   MemoryFileData data;
//   data.write(10000, as_bytes("hello"));   // size() is 10005, one block exists
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "capability/memory_file_system.h"

namespace godwit::capability {

class MemoryFileData final {
 public:
  static constexpr std::size_t kBlockBytes = MemoryFileSystem::kBlockBytes;

  // `size` rounded up to blocks: what a file of this size is charged. REQUIRES: size < 2^63.
  static constexpr std::uint64_t charge_of(std::uint64_t size) {
    return (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  }

  std::uint64_t size() const { return size_; }
  // Returns how many bytes there were.
  std::size_t read(std::uint64_t offset, MutableByteSpan out) const;
  // Grows the file where it must; a gap before `offset` reads as zeros.
  void write(std::uint64_t offset, ByteSpan bytes);
  void resize(std::uint64_t size);

 private:
  using Block = std::unique_ptr<std::byte[]>;

  void write_block(std::size_t index, std::size_t begin, ByteSpan bytes);

  // Null: zeros. May be shorter than the file, then zeros follow. Behind size_ every byte of the
  // last block is zero, so that growing needs no look at it.
  std::vector<Block> blocks_;
  std::uint64_t size_ = 0;
};

}  // namespace godwit::capability
