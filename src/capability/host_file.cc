#include "capability/host_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"

namespace godwit::capability {
namespace {

constexpr auto kOffsetMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

timespec time_of(const TimeChange& change) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  switch (change.what) {
    case TimeChange::What::kKeep: return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
    case TimeChange::What::kNow: return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
    case TimeChange::What::kSet: break;
  }
  return {.tv_sec = static_cast<time_t>(change.ns / kSecond),
          .tv_nsec = static_cast<long>(change.ns % kSecond)};
}

int posix_advice(Advice advice) {
  switch (advice) {
    case Advice::kNormal: return POSIX_FADV_NORMAL;
    case Advice::kSequential: return POSIX_FADV_SEQUENTIAL;
    case Advice::kRandom: return POSIX_FADV_RANDOM;
    case Advice::kWillNeed: return POSIX_FADV_WILLNEED;
    case Advice::kDontNeed: return POSIX_FADV_DONTNEED;
    case Advice::kNoReuse: return POSIX_FADV_NOREUSE;
  }
  return POSIX_FADV_NORMAL;
}

// For errors of a call that was made with RWF_NOWAIT: EOPNOTSUPP means that this file system
// always waits, which `possible` remembers.
std::errc nowait_error(int error, std::atomic<bool>& possible) {
  if (error == EOPNOTSUPP) possible.store(false, std::memory_order_relaxed);
  return error == EOPNOTSUPP || error == EAGAIN ? kWouldBlock : errc_of(error);
}

}  // namespace

FileResult<std::size_t> HostFile::read(std::uint64_t offset, MutableByteSpan out,
                                       Patience patience) {
  if (!rights_.read) return file_error(std::errc::bad_file_descriptor);
  if (offset > kOffsetMax) return file_error(std::errc::invalid_argument);
  out = out.first(std::min<std::uint64_t>(out.size(), kOffsetMax - offset));
  if (out.empty()) return 0;
  const bool wait = patience == Patience::kMayBlock;
  if (!wait && (!state_->local() || !state_->reads_without_waiting)) {
    return file_error(kWouldBlock);
  }

  std::size_t size = 0;
  while (size < out.size()) {
    const iovec part{.iov_base = out.data() + size, .iov_len = out.size() - size};
    const ssize_t got =
        ::preadv2(pin_.fd(), &part, 1, static_cast<off_t>(offset + size), wait ? 0 : RWF_NOWAIT);
    if (got == 0) break;
    if (got > 0) {
      size += static_cast<std::size_t>(got);
    } else if (errno != EINTR || !wait) {
      if (size != 0) break;
      return file_error(wait ? errc_of(errno) : nowait_error(errno, state_->reads_without_waiting));
    }
  }
  return size;
}

struct HostFile::Transfer {
  std::uint64_t offset;  // ignored by an append
  ByteSpan bytes;
  bool append;
  Patience patience;
};

FileResult<void> HostFile::may_write(Patience patience) const {
  if (rights_.access == Access::kRead) return file_error(std::errc::read_only_file_system);
  if (!rights_.write) return file_error(std::errc::bad_file_descriptor);
  CHECK(pin_.inode() != nullptr);  // a volume that is writable has a table
  if (patience == Patience::kNone &&
      (!state_->local() || rights_.sync != Sync::kNone || !state_->writes_without_waiting)) {
    return file_error(kWouldBlock);
  }
  return {};
}

FileResult<std::unique_lock<std::mutex>> HostFile::lock_growth(Patience patience) {
  if (patience == Patience::kMayBlock) return std::unique_lock(pin_.inode()->growth);
  std::unique_lock lock(pin_.inode()->growth, std::try_to_lock);
  if (!lock.owns_lock()) return file_error(kWouldBlock);
  return lock;
}

FileResult<std::size_t> HostFile::write(std::uint64_t offset, ByteSpan bytes, Patience patience) {
  if (const auto allowed = may_write(patience); !allowed) return file_error(allowed.error());
  if (bytes.empty()) return 0;
  const auto lock = lock_growth(patience);
  if (!lock) return file_error(lock.error());
  const auto written =
      write_locked({.offset = offset, .bytes = bytes, .append = false, .patience = patience});
  if (!written) return file_error(written.error());
  return written->size;
}

FileResult<File::Appended> HostFile::append(ByteSpan bytes, Patience patience) {
  if (const auto allowed = may_write(patience); !allowed) return file_error(allowed.error());
  const auto lock = lock_growth(patience);
  if (!lock) return file_error(lock.error());
  return write_locked({.offset = 0, .bytes = bytes, .append = true, .patience = patience});
}

// Room that was taken before a file grows. In the end what was not needed goes back, and so does
// what the file lost by being cut. The growth lock is held all the while.
class HostFile::Growth final {
 public:
  Growth(QuotaCounter& bytes, int fd, std::uint64_t size_before, std::uint64_t granted)
      : bytes_(bytes), fd_(fd), size_before_(size_before), granted_(granted) {}
  Growth(const Growth&) = delete;
  Growth& operator=(const Growth&) = delete;
  ~Growth() {
    if (!bytes_.bounded()) return;
    const auto after = stat_of(fd_);
    if (!after) return;  // charged too much is the safe side
    const auto size_after = static_cast<std::uint64_t>(after->st_size);
    if (size_after < size_before_) {
      bytes_.give_back(granted_ + size_before_ - size_after);
    } else {
      bytes_.give_back(granted_ - std::min(granted_, size_after - size_before_));
    }
  }

 private:
  QuotaCounter& bytes_;
  const int fd_;
  const std::uint64_t size_before_;
  const std::uint64_t granted_;
};

FileResult<File::Appended> HostFile::write_locked(const Transfer& transfer) {
  const auto before = stat_of(pin_.fd());
  if (!before) return file_error(before.error());
  const auto size = static_cast<std::uint64_t>(before->st_size);
  const std::uint64_t offset = transfer.append ? size : transfer.offset;
  ByteSpan bytes = transfer.bytes;
  if (bytes.empty()) return Appended{.size = 0, .end = offset};

  QuotaCounter& quota = state_->quota.bytes;
  const std::uint64_t file_max = state_->file_bytes_max();
  if (offset > file_max) return file_error(std::errc::file_too_large);
  bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), file_max - offset));
  if (bytes.empty()) {
    return file_error(file_max == quota.max() ? std::errc::no_space_on_device
                                              : std::errc::file_too_large);
  }
  const std::uint64_t end = offset + bytes.size();
  const std::uint64_t growth = end > size ? end - size : 0;
  const std::uint64_t gap = offset > size ? offset - size : 0;
  // A gap that leaves no room for one byte behind it is of no use.
  const std::uint64_t granted = quota.take(growth, std::min(growth, gap + 1));
  const Growth settled_at_the_end(quota, pin_.fd(), size, granted);
  const std::uint64_t missing = growth - granted;
  if (missing >= bytes.size()) return file_error(std::errc::no_space_on_device);
  return transfer_bytes({.offset = offset,
                         .bytes = bytes.first(bytes.size() - missing),
                         .append = transfer.append,
                         .patience = transfer.patience});
}

FileResult<File::Appended> HostFile::transfer_bytes(const Transfer& transfer) {
  const bool wait = transfer.patience == Patience::kMayBlock;
  const int flags = (transfer.append ? RWF_APPEND : 0) | (wait ? 0 : RWF_NOWAIT);
  std::size_t written = 0;
  while (written < transfer.bytes.size()) {
    // The kernel only reads through it; iovec knows no const.
    const iovec part{.iov_base = const_cast<std::byte*>(transfer.bytes.data()) + written,
                     .iov_len = transfer.bytes.size() - written};
    const ssize_t got =
        ::pwritev2(pin_.fd(), &part, 1, static_cast<off_t>(transfer.offset + written), flags);
    if (got > 0) {
      written += static_cast<std::size_t>(got);
    } else if (got == 0 || errno != EINTR || !wait) {
      const int error = got == 0 ? ENOSPC : errno;
      if (written != 0) break;
      return file_error(wait ? errc_of(error)
                             : nowait_error(error, state_->writes_without_waiting));
    }
  }
  return Appended{.size = written, .end = transfer.offset + written};
}

FileResult<NodeInfo> HostFile::info(Patience patience) {
  if (patience == Patience::kNone && !state_->local()) return file_error(kWouldBlock);
  const auto info = stat_of(pin_.fd());
  if (!info) return file_error(info.error());
  return node_info(*info);
}

FileResult<void> HostFile::resize(std::uint64_t size, Patience patience) {
  if (rights_.access == Access::kRead) return file_error(std::errc::read_only_file_system);
  if (!rights_.write) return file_error(std::errc::invalid_argument);
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  return set_size(size);
}

FileResult<void> HostFile::truncate() {
  CHECK(rights_.writable_descriptor && rights_.access == Access::kWrite);
  return set_size(0);
}

FileResult<void> HostFile::set_size(std::uint64_t size) {
  const std::scoped_lock lock(pin_.inode()->growth);
  const auto before = stat_of(pin_.fd());
  if (!before) return file_error(before.error());
  const auto old_size = static_cast<std::uint64_t>(before->st_size);
  const std::uint64_t growth = size > old_size ? size - old_size : 0;
  if (growth != 0 && size > state_->file_bytes_max()) {
    return file_error(std::errc::file_too_large);
  }
  if (!state_->quota.bytes.take_all(growth)) return file_error(std::errc::no_space_on_device);
  const Growth settled_at_the_end(state_->quota.bytes, pin_.fd(), old_size, growth);
  if (::ftruncate(pin_.fd(), static_cast<off_t>(size)) != 0) return file_error(errc_of(errno));
  return {};
}

FileResult<void> HostFile::allocate(std::uint64_t offset, std::uint64_t size, Patience patience) {
  if (rights_.access == Access::kRead) return file_error(std::errc::read_only_file_system);
  if (!rights_.write) return file_error(std::errc::bad_file_descriptor);
  if (size == 0) return file_error(std::errc::invalid_argument);
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  const std::uint64_t file_max = state_->file_bytes_max();
  if (offset > file_max || size > file_max - offset) return file_error(std::errc::file_too_large);

  const std::scoped_lock lock(pin_.inode()->growth);
  const auto before = stat_of(pin_.fd());
  if (!before) return file_error(before.error());
  const auto old_size = static_cast<std::uint64_t>(before->st_size);
  const std::uint64_t growth = offset + size > old_size ? offset + size - old_size : 0;
  if (!state_->quota.bytes.take_all(growth)) return file_error(std::errc::no_space_on_device);
  const Growth settled_at_the_end(state_->quota.bytes, pin_.fd(), old_size, growth);
  while (::fallocate(pin_.fd(), 0, static_cast<off_t>(offset), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return file_error(errc_of(errno));
  }
  return {};
}

FileResult<void> HostFile::set_times(const TimesChange& times, Patience patience) {
  if (rights_.access == Access::kRead) return file_error(std::errc::read_only_file_system);
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  return set_times_of_node(pin_.fd(), times);
}

FileResult<void> HostFile::sync(Sync what, Patience patience) {
  if (what == Sync::kNone) return {};
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  const int result = what == Sync::kData ? ::fdatasync(pin_.fd()) : ::fsync(pin_.fd());
  if (result != 0) return file_error(errc_of(errno));
  return {};
}

FileResult<void> HostFile::advise(std::uint64_t offset, std::uint64_t size, Advice advice,
                                  Patience patience) {
  if (offset > kOffsetMax) return file_error(std::errc::invalid_argument);
  // These two start reading or writing; the others only set a number in the open file.
  const bool waits = advice == Advice::kWillNeed || advice == Advice::kDontNeed;
  if (patience == Patience::kNone && (waits || !state_->local())) return file_error(kWouldBlock);
  const std::uint64_t length = std::min(size, kOffsetMax - offset);
  const int error = ::posix_fadvise(pin_.fd(), static_cast<off_t>(offset),
                                    static_cast<off_t>(length), posix_advice(advice));
  if (error != 0) return file_error(errc_of(error));
  return {};
}

bool HostFile::closing_may_block() const {
  // The last descriptor of a file without a name frees its blocks.
  return rights_.writable_descriptor || !state_->local() ||
         (pin_.inode() != nullptr && pin_.inode()->orphaned.load(std::memory_order_relaxed));
}

FileResult<void> set_times_of_node(int fd, const TimesChange& times) {
  const std::array<timespec, 2> changed{time_of(times.accessed), time_of(times.modified)};
  if (::utimensat(fd, "", changed.data(), AT_EMPTY_PATH) != 0) return file_error(errc_of(errno));
  return {};
}

}  // namespace godwit::capability
