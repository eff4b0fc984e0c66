#include "registry/folder.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/folder_walk.h"
#include "registry/memory_file.h"
#include "registry/ownership.h"

namespace godwit::registry {
namespace {

tl::unexpected<Error> unreadable(std::string_view path, std::string_view why) {
  return fail(ErrorCode::kFileUnreadable, fmt::format("{}: {}", path, why));
}

Result<void> check_writers(int fd, std::string_view path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return unreadable(path, errno_text());
  if (const std::string reason = foreign_writer(status); !reason.empty()) {
    return fail(ErrorCode::kUnsafeFile, fmt::format("{} {}", path, reason));
  }
  return {};
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// What open() of one segment without following links says about it.
tl::unexpected<Error> open_error(std::string_view path) {
  if (errno == ELOOP) {
    return fail(ErrorCode::kUnsafeFile, fmt::format("{} is a symbolic link", path));
  }
  return unreadable(path, errno_text());
}

Result<Bytes> read_regular(int fd, std::string_view path, std::uint64_t bytes_max) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return unreadable(path, errno_text());
  if (!S_ISREG(status.st_mode)) return unreadable(path, "it is not a regular file");
  const auto too_large = [&] {
    return fail(ErrorCode::kModuleTooLarge,
                fmt::format("{}: {} bytes, at most {}", path, status.st_size, bytes_max));
  };
  if (static_cast<std::uint64_t>(status.st_size) > bytes_max) return too_large();
  // The file may grow or shrink meanwhile: what counts is what is read, up to the limit.
  Bytes bytes(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t size = 0;
  while (true) {
    const ssize_t count = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path, errno_text());
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    if (size > bytes_max) return too_large();
    if (size == bytes.size()) bytes.resize(size * 2);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

FileStamp stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

FileStamp stamp_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp();
}

Result<Folder> Folder::open(const std::string& path, const FolderOptions& options) {
  if (path.find('\0') != std::string::npos) return unreadable("the folder", "NUL in its name");
  Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return unreadable(path, errno_text());
  if (options.unsafe_files == UnsafeFiles::kRefuse) {
    if (auto checked = check_writers(root.get(), path); !checked) return fail(checked.error());
  }
  return Folder(path, std::move(root), options);
}

Result<FolderListing> Folder::scan() const {
  Fd root(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return unreadable(path_, errno_text());
  return FolderWalk(options_).walk(std::move(root));
}

Result<Fd> Folder::open_below(const std::string& path, int flags) const {
  const bool refuse = options_.unsafe_files == UnsafeFiles::kRefuse;
  const int base_flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | (refuse ? O_NOFOLLOW : 0);
  Fd current(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!current.valid()) return unreadable(path_, errno_text());
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string segment(rest.substr(0, slash));
    const bool last = slash == std::string_view::npos;
    rest.remove_prefix(last ? rest.size() : slash + 1);
    if (segment.empty() || segment == "." || segment == ".." ||
        segment.find('\0') != std::string::npos || (!last && rest.empty())) {
      return unreadable(path, "the path does not stay below the folder");
    }
    Fd next(::openat(current.get(), segment.c_str(), base_flags | (last ? flags : O_DIRECTORY)));
    if (!next.valid()) {
      // O_NOFOLLOW with O_DIRECTORY says ENOTDIR of a link.
      struct stat status{};
      if (errno == ENOTDIR &&
          ::fstatat(current.get(), segment.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = S_ISLNK(status.st_mode) ? ELOOP : ENOTDIR;
      }
      return open_error(path);
    }
    if (refuse) {
      if (auto checked = check_writers(next.get(), path); !checked) return fail(checked.error());
    }
    current = std::move(next);
  }
  return current;
}

Result<Bytes> Folder::read(const std::string& path, std::uint64_t bytes_max) const {
  const auto fd = open_below(path, 0);
  if (!fd) return fail(fd.error());
  return read_regular(fd->get(), path, bytes_max);
}

Result<FileStamp> Folder::stamp(const std::string& path) const {
  const auto fd = open_below(path, 0);
  if (!fd) return fail(fd.error());
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) return unreadable(path, errno_text());
  return stamp_of(status);
}

Result<Fd> Folder::open_folder(const std::string& path) const {
  return open_below(path, O_DIRECTORY);
}

Result<Bytes> read_file(const std::string& path, std::uint64_t bytes_max) {
  if (path.find('\0') != std::string::npos) return unreadable("the file", "NUL in its name");
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return unreadable(path, errno_text());
  return read_regular(fd.get(), path, bytes_max);
}

}  // namespace godwit::registry
