#include "capability/host_state.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/magic.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "base/check.h"

namespace godwit::capability {
namespace {

// From those file systems' own sources; <linux/magic.h> lacks them.
constexpr std::uint32_t kXfsMagic = 0x58465342;
constexpr std::uint32_t kZfsMagic = 0x2fc12fc1;
constexpr std::uint32_t kBcachefsMagic = 0xca451a4e;

bool is_local(std::uint32_t magic) {
  switch (magic) {
    case EXT4_SUPER_MAGIC:  // ext2 and ext3 too
    case kXfsMagic:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
    case kZfsMagic:
    case F2FS_SUPER_MAGIC:
    case kBcachefsMagic: return true;
    default:  // of the network, in user space (FUSE), or unknown
      return false;
  }
}

NodeKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return NodeKind::kFile;
  if (S_ISDIR(mode)) return NodeKind::kFolder;
  if (S_ISLNK(mode)) return NodeKind::kLink;
  return NodeKind::kOther;
}

std::uint64_t since_epoch_ns(const timespec& time) {
  if (time.tv_sec < 0) return 0;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto seconds = std::min(static_cast<std::uint64_t>(time.tv_sec),
                                std::numeric_limits<std::uint64_t>::max() / kSecond - 1);
  return seconds * kSecond + static_cast<std::uint64_t>(time.tv_nsec);
}

// The same for all volumes of the process, so that (device, inode) identifies a file across them;
// keyed, so that the numbers of the host's devices can't be read off it.
std::uint64_t device_number(dev_t device) {
  using Key = std::array<std::byte, 32>;
  static const Key key = [] {
    Key made{};
    CHECK(::getrandom(made.data(), made.size(), 0) == static_cast<ssize_t>(made.size()));
    return made;
  }();
  thread_local dev_t last_device = 0;
  thread_local std::uint64_t last_number = 0;
  if (last_number == 0 || device != last_device) {
    std::array<std::byte, sizeof(Key) + sizeof(device)> text{};
    std::memcpy(text.data(), key.data(), key.size());
    std::memcpy(text.data() + key.size(), &device, sizeof(device));
    const Digest digest = sha256(text);
    std::memcpy(&last_number, digest.data(), sizeof(last_number));
    last_device = device;
  }
  return last_number;
}

}  // namespace

FileResult<HostTraits> host_traits(int folder) {
  struct statfs system{};
  if (::fstatfs(folder, &system) != 0) return file_error(errc_of(errno));
  HostTraits traits;
  traits.local = is_local(static_cast<std::uint32_t>(system.f_type));
  constexpr auto kOffsetMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return file_error(errc_of(errno));
  traits.file_bytes_max = std::min<std::uint64_t>(kOffsetMax, limit.rlim_cur);
  return traits;
}

HostState::HostState(const HostVolumeOptions& options, const HostTraits& traits,
                     const HostUsage& counted)
    : quota(options.bytes_max, options.files_max, counted),
      writable_(options.writable),
      traits_(traits),
      handles_(options.handles),
      inodes_(quota) {}

std::uint64_t HostState::file_bytes_max() const {
  return std::min(traits_.file_bytes_max, quota.bytes.max());
}

FileResult<HostPin> HostState::pin(HostHandle handle) {
  if (!writable_) return HostPin(std::move(handle));
  const auto info = stat_of(handle.get());
  if (!info) return file_error(info.error());
  return HostPin(inodes_, std::move(handle), *info);
}

NodeInfo node_info(const struct stat& info) {
  return {
      .device = device_number(info.st_dev),
      .inode = info.st_ino,
      .kind = kind_of(info.st_mode),
      .links = info.st_nlink,
      .size = static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0)),
      .accessed_ns = since_epoch_ns(info.st_atim),
      .modified_ns = since_epoch_ns(info.st_mtim),
      .changed_ns = since_epoch_ns(info.st_ctim),
  };
}

}  // namespace godwit::capability
