#include "capability/host_resolve.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

namespace godwit::capability {
namespace {

constexpr std::uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

// A folder renamed on the way makes the kernel ask for another try (openat2(2), EAGAIN). A guest
// that renames without end only keeps itself from its file.
constexpr int kMaxTries = 64;

using PathBuffer = std::array<char, kMaxPathBytes + 1>;

// The buffer is left uninitialised but for what is copied: it is large, and this is on every path.
FileResult<void> copy_path(std::string_view path, PathBuffer& out) {
  if (path.empty()) return file_error(std::errc::no_such_file_or_directory);
  if (path.size() > kMaxPathBytes) return file_error(std::errc::filename_too_long);
  if (path.find('\0') != std::string_view::npos) return file_error(std::errc::invalid_argument);
  std::memcpy(out.data(), path.data(), path.size());
  out[path.size()] = '\0';
  return {};
}

int openat2(int folder, const char* path, const open_how& how) {
  return static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof(how)));
}

int with_io_flags(int flags) {
  if ((flags & O_PATH) != 0) return flags | O_CLOEXEC;
  return flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
}

std::string_view without_trailing_slashes(std::string_view path) {
  const std::size_t last = path.find_last_not_of('/');
  return last == std::string_view::npos ? std::string_view() : path.substr(0, last + 1);
}

}  // namespace

FileResult<HostHandle> HostHandle::reserve(HandleBudget* budget) {
  HostHandle handle;
  if (budget != nullptr) {
    if (!budget->take()) return file_error(std::errc::too_many_files_open_in_system);
    handle.ticket_.reset(budget);
  }
  return handle;
}

std::errc errc_of(int error_number) {
  switch (error_number) {
    case EACCES:
    case EBADF:
    case EBUSY:
    case EEXIST:
    case EFBIG:
    case EINTR:
    case EINVAL:
    case EIO:
    case EISDIR:
    case ELOOP:
    case EMLINK:
    case ENAMETOOLONG:
    case ENODEV:
    case ENOENT:
    case ENOMEM:
    case ENOSPC:
    case ENOTDIR:
    case ENOTEMPTY:
    case ENOTSUP:
    case ENXIO:
    case EOVERFLOW:
    case EPERM:
    case EROFS:
    case ETXTBSY:
    case EXDEV: return static_cast<std::errc>(error_number);
    case EDQUOT: return std::errc::no_space_on_device;
    case EMFILE:
    case ENFILE: return std::errc::too_many_files_open_in_system;
    case EAGAIN: return std::errc::device_or_resource_busy;
    default: return std::errc::io_error;
  }
}

FileResult<HostHandle> open_beneath(const HostBase& base, std::string_view path, int flags,
                                    mode_t mode) {
  PathBuffer buffer;
  if (const auto copied = copy_path(path, buffer); !copied) return file_error(copied.error());
  auto handle = HostHandle::reserve(base.handles);
  if (!handle) return handle;

  open_how how{};
  how.flags = static_cast<std::uint64_t>(with_io_flags(flags));
  how.mode = mode;
  how.resolve = kResolve;
  if (base.patience == Patience::kNone) how.resolve |= RESOLVE_CACHED;
  for (int tries = 1;; ++tries) {
    Fd fd(openat2(base.folder, buffer.data(), how));
    if (fd.valid()) {
      handle->put(std::move(fd));
      return handle;
    }
    const int error = errno;
    if (error == EAGAIN && base.patience == Patience::kNone) return file_error(kWouldBlock);
    if (error == EXDEV) return file_error(std::errc::operation_not_permitted);
    if ((error != EAGAIN && error != EINTR) || tries == kMaxTries) {
      return file_error(errc_of(error));
    }
    ::sched_yield();
  }
}

FileResult<HostHandle> reopen(const HostBase& base, int node, int flags) {
  auto handle = HostHandle::reserve(base.handles);
  if (!handle) return handle;
  std::array<char, 32> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "/proc/self/fd/{}", node);
  // The last step through a magic link is what is wanted here; no byte of this path is a guest's.
  Fd fd(::open(path.data(), with_io_flags(flags)));
  if (!fd.valid()) return file_error(errc_of(errno));
  handle->put(std::move(fd));
  return handle;
}

FileResult<struct stat> stat_of(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return file_error(errc_of(errno));
  return info;
}

int resolve_support(int folder) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = kResolve | RESOLVE_CACHED;
  const Fd fd(openat2(folder, ".", how));
  if (fd.valid() || errno == EAGAIN) return 0;
  return errno;
}

int reopen_support() {
  const Fd proc(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc.valid()) return errno;
  struct statfs kind{};
  if (::fstatfs(proc.get(), &kind) != 0) return errno;
  return kind.f_type == PROC_SUPER_MAGIC ? 0 : ENOENT;
}

FileResult<LastStep> split_last(std::string_view path) {
  if (path.empty()) return file_error(std::errc::no_such_file_or_directory);
  if (path.size() > kMaxPathBytes) return file_error(std::errc::filename_too_long);
  if (path.find('\0') != std::string_view::npos) return file_error(std::errc::invalid_argument);
  LastStep step;
  step.trailing_slash = path.back() == '/';
  path = without_trailing_slashes(path);
  const std::size_t slash = path.rfind('/');
  step.name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  // With its slash: "/x" has the parent "/", which the kernel refuses, and not "".
  if (slash != std::string_view::npos) step.parent = path.substr(0, slash + 1);
  if (step.name.empty()) step.kind = LastStep::Kind::kRoot;
  if (step.name == ".") step.kind = LastStep::Kind::kDot;
  if (step.name == "..") step.kind = LastStep::Kind::kDotDot;
  return step;
}

FileResult<NamedPlace> find_place(const HostBase& base, std::string_view path) {
  const auto step = split_last(path);
  if (!step) return file_error(step.error());
  NamedPlace place;
  place.parent = base.folder;
  place.kind = step->kind;
  place.trailing_slash = step->trailing_slash;
  if (step->kind != LastStep::Kind::kName) {
    // Whether the way there exists, and stays inside, is answered before what stands at its end.
    const auto there = open_beneath(base, path, O_PATH | O_DIRECTORY);
    if (!there) return file_error(there.error());
    place.name[0] = '\0';
    return place;
  }
  if (!step->parent.empty()) {
    auto parent = open_beneath(base, step->parent, O_PATH | O_DIRECTORY);
    if (!parent) return file_error(parent.error());
    place.owned_parent = std::move(*parent);
    place.parent = place.owned_parent.get();
  }
  if (step->name.size() > kMaxNameBytes) return file_error(std::errc::filename_too_long);
  std::memcpy(place.name.data(), step->name.data(), step->name.size());
  place.name[step->name.size()] = '\0';
  return place;
}

FileResult<void> must_be_name(const NamedPlace& place, const DotErrors& errors) {
  switch (place.kind) {
    case LastStep::Kind::kName: return {};
    case LastStep::Kind::kDot: return file_error(errors.dot);
    case LastStep::Kind::kDotDot: return file_error(errors.dot_dot);
    case LastStep::Kind::kRoot: break;  // has led out before
  }
  return file_error(std::errc::operation_not_permitted);
}

FileResult<NamedPlace> find_name(const HostBase& base, std::string_view path,
                                 const DotErrors& errors) {
  auto place = find_place(base, path);
  if (!place) return place;
  if (const auto named = must_be_name(*place, errors); !named) return file_error(named.error());
  return place;
}

}  // namespace godwit::capability
