// HostVolume: a folder of the host that guests may be handed, and the way to its Folder.
//
//   auto handles = std::make_shared<HandleBudget>(HandleBudget::half_of_process_limit());
//   auto volume = HostVolume::open({.path = "/srv/pictures", .writable = true,
//                                   .bytes_max = 1 << 30, .files_max = 10'000,
//                                   .handles = handles});
//   if (!volume) return fail(volume.error());             // Result: a failure of the host
//   std::shared_ptr<Folder> root = (*volume)->root(Access::kRead);
//
// Every path of a guest is resolved by the kernel, with openat2(2) RESOLVE_BENEATH |
// RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV, from the descriptor of the folder that it is relative
// to (host_resolve.h); no path is ever put together from strings. A volume ends at its mount: what
// is mounted below it is not entered (operation_not_permitted; it can be a volume of its own).
//
// Only regular files and folders can be opened; FIFOs, sockets and devices are seen, never touched.
// New files have mode 0666 and new folders 0777, minus the process's umask; a file with a set-user
// or set-group bit can't be opened for writing. The device number that a guest sees is a number of
// this process's making, the same for all volumes on one file system.
//
// Thread-safe. open() blocks (it walks the folder when there is a quota); root() and the end of a
// HostVolume don't. Folders and files that came from it live on without it.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "base/error.h"
#include "capability/file_system.h"
#include "capability/handle_budget.h"

namespace godwit::capability {

enum class Access : std::uint8_t { kRead, kWrite };

inline constexpr std::uint64_t kNoQuota = std::numeric_limits<std::uint64_t>::max();

struct HostVolumeOptions {
  std::string path;  // of the host; the operator's, so links in it are followed
  // May there be a root(kWrite)? If not, the quotas below mean nothing.
  bool writable = false;
  // The sizes of all files (a sparse file: its whole length) and of the targets of all symbolic
  // links, each hard-linked file once; also the most that one file may have.
  std::uint64_t bytes_max = kNoQuota;
  // All names in all folders of the volume, but for the unlinked files that a guest still has
  // open: those too.
  std::uint64_t files_max = kNoQuota;
  // Of open descriptors, shared by all volumes; null: no bound but the process's.
  std::shared_ptr<HandleBudget> handles;
};

struct HostUsage {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};

class HostState;  // what a volume's folders and files share (host_state.h)

class HostVolume final {
 public:
  // Errors: kVolumeUnusable (there is no such folder, it lacks the permissions, it holds more than
  // its quota, /proc is not mounted), kKernelTooOld (no openat2 here, or a filter forbids it).
  static Result<std::shared_ptr<HostVolume>> open(const HostVolumeOptions& options);

  HostVolume(const HostVolume&) = delete;
  HostVolume& operator=(const HostVolume&) = delete;
  ~HostVolume();

  // The same folder each time. Through one made with kRead nothing can be changed, also when the
  // volume is writable for others. REQUIRES: kRead, or the volume was opened with `writable`.
  std::shared_ptr<Folder> root(Access access) const;
  bool writable() const;
  // What counts towards the quotas; both 0 when there are none. Changes that others than this
  // object make in the folder are not seen.
  HostUsage usage() const;

 private:
  explicit HostVolume(std::shared_ptr<HostState> state);

  std::shared_ptr<HostState> state_;
  std::shared_ptr<Folder> read_root_;
  std::shared_ptr<Folder> write_root_;  // null: not writable
};

}  // namespace godwit::capability
