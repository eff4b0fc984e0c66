// Reading a folder of the host with getdents64(2).
//
//   HostListing listing(fd);                            // a descriptor of its own, opened to read
//   if (auto sought = listing.seek(position); !sought) …
//   while (true) {
//     auto entry = listing.next();                      // FileResult<const HostEntry*>
//     if (!entry || *entry == nullptr) break;           // an error, or the end
//   }
//
// Use from one thread at a time. A position that the folder never gave out is the kernel's to
// judge: it is refused, or reading goes on somewhere in this very folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "capability/file_system.h"

namespace godwit::capability {

struct HostEntry {
  std::string_view name;  // valid until the next call
  std::uint64_t inode = 0;
  unsigned char type = 0;  // DT_…, may be DT_UNKNOWN
  std::uint64_t next = 0;  // the position behind it
};

class HostListing final {
 public:
  static constexpr std::size_t kBufferBytesMin = 1024;  // more than the longest entry
  static constexpr std::size_t kBufferBytesMax = std::size_t{32} << 10;

  explicit HostListing(int fd, std::size_t buffer_bytes = kBufferBytesMax);

  FileResult<void> seek(std::uint64_t position);
  FileResult<const HostEntry*> next();
  // Is the descriptor itself behind the last entry that was given out, and nothing buffered?
  bool batch_done() const { return at_ == filled_; }

 private:
  const int fd_;
  const std::size_t capacity_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t filled_ = 0;
  std::size_t at_ = 0;
  HostEntry entry_;
};

}  // namespace godwit::capability
