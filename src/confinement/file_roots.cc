#include "confinement/file_roots.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/path.h"

namespace godwit::confinement {
namespace {

// Deeper than any path that the kernel resolves (PATH_MAX).
constexpr int kDepthMax = 4096;

struct Identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool is_folder = false;

  bool same_as(const Identity& other) const {
    return device == other.device && inode == other.inode;
  }
};

Identity identity_of(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return {};
  return {status.st_dev, status.st_ino, S_ISDIR(status.st_mode)};
}

// The folder above: of a file by its path, of a folder by its own "..".
Fd open_above(const Fd& fd, bool is_folder, const std::string& path) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (is_folder) return Fd(::openat(fd.get(), "..", kFlags));
  return Fd(::open(folder_of(path).c_str(), kFlags));
}

}  // namespace

FileRoots FileRoots::open(const std::vector<Root>& wanted) {
  FileRoots roots;
  for (const Root& root : wanted) {
    Fd fd(::open(root.path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd.valid()) {
      roots.missing_.push_back(root);
      continue;
    }
    const Identity identity = identity_of(fd.get());
    roots.roots_.push_back({.root = root,
                            .fd = std::move(fd),
                            .is_folder = identity.is_folder,
                            .device = identity.device,
                            .inode = identity.inode});
  }
  return roots;
}

bool FileRoots::covers(const std::string& path, RootAccess access) const {
  // Landlock asks the same way: from what is opened upwards, by identity and not by name.
  Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid()) return true;
  Identity here = identity_of(fd.get());
  for (int depth = 0; depth < kDepthMax; ++depth) {
    const bool found = std::any_of(roots_.begin(), roots_.end(), [&](const OpenRoot& open) {
      return open.root.access >= access && here.same_as({open.device, open.inode});
    });
    if (found) return true;
    Fd above = open_above(fd, here.is_folder, path);
    if (!above.valid()) return false;
    const Identity next = identity_of(above.get());
    if (next.same_as(here)) return false;
    fd = std::move(above);
    here = next;
  }
  return false;
}

}  // namespace godwit::confinement
