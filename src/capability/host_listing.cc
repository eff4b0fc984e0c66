#include "capability/host_listing.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>

#include <dirent.h>
#include <unistd.h>

#include "base/check.h"
#include "capability/host_resolve.h"

namespace godwit::capability {

HostListing::HostListing(int fd, std::size_t buffer_bytes)
    : fd_(fd),
      capacity_(std::clamp(buffer_bytes, kBufferBytesMin, kBufferBytesMax)),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {}

FileResult<void> HostListing::seek(std::uint64_t position) {
  if (position > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return file_error(std::errc::invalid_argument);
  }
  if (::lseek(fd_, static_cast<off_t>(position), SEEK_SET) < 0) return file_error(errc_of(errno));
  filled_ = at_ = 0;
  return {};
}

FileResult<const HostEntry*> HostListing::next() {
  if (at_ == filled_) {
    const ssize_t size = ::getdents64(fd_, buffer_.get(), capacity_);
    if (size < 0) return file_error(errc_of(errno));
    if (size == 0) return nullptr;
    filled_ = static_cast<std::size_t>(size);
    at_ = 0;
  }
  // Copied field by field: the kernel's records are packed more tightly than dirent64 is large.
  constexpr std::size_t kNameAt = offsetof(dirent64, d_name);
  CHECK(filled_ - at_ > kNameAt, filled_, at_);
  dirent64 record;
  std::memcpy(&record, buffer_.get() + at_, kNameAt);
  CHECK(record.d_reclen > kNameAt && record.d_reclen <= filled_ - at_, record.d_reclen);
  const auto* const name = reinterpret_cast<const char*>(buffer_.get() + at_ + kNameAt);
  entry_.name = {name, ::strnlen(name, record.d_reclen - kNameAt)};
  entry_.inode = record.d_ino;
  entry_.type = record.d_type;
  entry_.next = static_cast<std::uint64_t>(record.d_off);
  at_ += record.d_reclen;
  return &entry_;
}

}  // namespace godwit::capability
