#include "capability/host_folder.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/check.h"
#include "capability/host_count.h"
#include "capability/host_directory.h"
#include "capability/host_resolve.h"
#include "capability/host_state.h"

namespace godwit::capability {
namespace {

tl::unexpected<Error> unusable(const HostVolumeOptions& options, std::string_view reason) {
  return fail(ErrorCode::kVolumeUnusable, fmt::format("{}: {}", options.path, reason));
}

FileResult<HostHandle> open_root(const HostVolumeOptions& options) {
  auto handle = HostHandle::reserve(options.handles.get());
  if (!handle) return handle;
  // The operator's own path, not a guest's.
  Fd fd(::open(options.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return file_error(errc_of(errno));
  handle->put(std::move(fd));
  return handle;
}

Result<void> check_kernel(int folder, const HostVolumeOptions& options) {
  if (const int error = resolve_support(folder); error != 0) {
    const std::string_view reason =
        error == ENOSYS   ? "this kernel has no openat2"
        : error == EINVAL ? "this kernel's openat2 has no RESOLVE_CACHED"
        : error == EPERM  ? "openat2 is forbidden here (a seccomp filter)"
                          : "openat2 does not work here";
    return fail(ErrorCode::kKernelTooOld,
                fmt::format("{}: {}: {}", options.path, reason, errno_text(error)));
  }
  if (const int error = reopen_support(); error != 0) {
    return unusable(options, fmt::format("/proc is needed and not mounted: {}", errno_text(error)));
  }
  return {};
}

Result<void> check_rights(int folder, const HostVolumeOptions& options) {
  const int rights = R_OK | X_OK | (options.writable ? W_OK : 0);
  if (::faccessat(folder, ".", rights, AT_EACCESS) != 0) return unusable(options, errno_text());
  return {};
}

Result<HostUsage> count(int folder, const HostVolumeOptions& options) {
  const CountLimits limits{.bytes_max = options.bytes_max, .files_max = options.files_max};
  if (!options.writable || (limits.bytes_max == kNoQuota && limits.files_max == kNoQuota)) {
    return HostUsage{};
  }
  const auto usage = count_folder(folder, limits);
  if (!usage) return unusable(options, usage.error().detail);
  if (usage->bytes > limits.bytes_max) {
    return unusable(
        options, fmt::format("it holds more than its quota of {} bytes already", limits.bytes_max));
  }
  if (usage->files > limits.files_max) {
    return unusable(
        options, fmt::format("it holds more than its quota of {} files already", limits.files_max));
  }
  return *usage;
}

}  // namespace

Result<std::shared_ptr<HostVolume>> HostVolume::open(const HostVolumeOptions& options) {
  auto root = open_root(options);
  if (!root) return unusable(options, errno_text(static_cast<int>(root.error())));
  if (const auto checked = check_kernel(root->get(), options); !checked) {
    return fail(checked.error());
  }
  if (const auto checked = check_rights(root->get(), options); !checked) {
    return fail(checked.error());
  }
  const auto traits = host_traits(root->get());
  if (!traits) return unusable(options, errno_text(static_cast<int>(traits.error())));
  const auto counted = count(root->get(), options);
  if (!counted) return fail(counted.error());

  auto state = std::make_shared<HostState>(options, *traits, *counted);
  // Both roots are the folder that was counted, whatever the path names by now.
  auto write_handle = options.writable ? open_beneath(state->base(root->get(), Patience::kMayBlock),
                                                      ".", O_PATH | O_DIRECTORY)
                                       : FileResult<HostHandle>();
  if (!write_handle) return unusable(options, errno_text(static_cast<int>(write_handle.error())));
  auto volume = std::shared_ptr<HostVolume>(new HostVolume(state));
  volume->read_root_ = std::make_shared<HostDirectory>(state, std::move(*root), Access::kRead);
  if (options.writable) {
    volume->write_root_ =
        std::make_shared<HostDirectory>(state, std::move(*write_handle), Access::kWrite);
  }
  return volume;
}

HostVolume::HostVolume(std::shared_ptr<HostState> state) : state_(std::move(state)) {}
HostVolume::~HostVolume() = default;

std::shared_ptr<Folder> HostVolume::root(Access access) const {
  if (access == Access::kRead) return read_root_;
  CHECK(write_root_ != nullptr);
  return write_root_;
}

bool HostVolume::writable() const { return state_->writable(); }

HostUsage HostVolume::usage() const {
  return {.bytes = state_->quota.bytes.used(), .files = state_->quota.files.used()};
}

}  // namespace godwit::capability
