// The path_* functions: a path below an open folder. Nothing here looks into a path: the folder
// resolves it (capability/file_system.h), and the folder of devices has its own few names
// (devices.cc).
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "wasi/devices.h"
#include "wasi/functions.h"
#include "wasi/lookup.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

using capability::Folder;
using capability::Follow;
using capability::Patience;

Follow follow(std::uint32_t lookup_flags) {
  return (lookup_flags & kLookupFollow) != 0 ? Follow::kYes : Follow::kNo;
}

bool is_device_folder(const Call& call, Fd fd) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  return descriptor != nullptr && descriptor->device_folder;
}

// The functions that have a path, and nothing to tell but whether it worked.
Answer with_path(const Call& call, Fd fd, Pointer path, Size path_size, std::uint64_t rights,
                 capability::FileResult<void> (Folder::*work)(std::string_view, Patience)) {
  FolderPath at;
  const Errno error = at.find(call, fd, path, path_size, rights);
  if (error != Errno::kSuccess) return error;
  return finish(call.host.perform(kPathCostNs, [at = std::move(at), work](Patience patience) {
    return (*at.folder.*work)(at.path, patience);
  }));
}

template <class Stat>
Answer filestat_get(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path,
                    Size path_size, Out<Stat> stat) {
  if (is_device_folder(call, fd)) return device_filestat_get(call, path, path_size, stat);
  FolderPath at;
  const Errno error = at.find(call, fd, path, path_size, right::kPathFilestatGet);
  if (error != Errno::kSuccess) return error;
  if (!stat.fits(call)) return Errno::kFault;
  const auto info = call.host.perform(
      kPathCostNs, [at = std::move(at), how = follow(lookup_flags)](Patience patience) {
        return at.folder->info_of(at.path, how, patience);
      });
  if (!info) return Answer::pending();
  if (!*info) return to_errno(info->error());
  return stat.store(call, to_filestat<Stat>(**info));
}

struct OpenRequest {
  std::uint32_t lookup_flags;
  std::uint32_t open_flags;
  std::uint32_t fd_flags;
  std::uint64_t rights;
  std::uint64_t inheriting;
};

// What the folder's descriptor must be allowed for such an open.
std::uint64_t needed_rights(const OpenRequest& request) {
  std::uint64_t needed = right::kPathOpen;
  if ((request.open_flags & kOpenCreate) != 0) needed |= right::kPathCreateFile;
  if ((request.open_flags & kOpenTruncate) != 0) needed |= right::kPathFilestatSetSize;
  return needed;
}

Errno open_options(const OpenRequest& request, capability::OpenOptions& options) {
  const auto has = [&](std::uint32_t flag) { return (request.open_flags & flag) != 0; };
  if ((request.open_flags & ~kAllOpenFlags) != 0 ||
      (request.fd_flags & ~std::uint32_t{kAllFdFlags}) != 0) {
    return Errno::kInval;
  }
  if (has(kOpenDirectory) && (has(kOpenCreate) || has(kOpenExclusive) || has(kOpenTruncate))) {
    return Errno::kInval;
  }
  options.read = (request.rights & right::kFdRead) != 0;
  options.write = (request.rights & right::kFdWrite) != 0;
  options.create = has(kOpenCreate);
  options.exclusive = has(kOpenExclusive);
  options.truncate = has(kOpenTruncate);
  options.folder = has(kOpenDirectory);
  options.follow = follow(request.lookup_flags);
  if ((request.fd_flags & (kFdDsync | kFdRsync)) != 0) options.sync = capability::Sync::kData;
  if ((request.fd_flags & kFdSync) != 0) options.sync = capability::Sync::kAll;
  return Errno::kSuccess;
}

// Of rights only reading and writing are taken from the request: most programs name no others and
// expect that they can seek in what they opened and ask for its size. All of them can be given up
// (fd_fdstat_set_rights).
Descriptor opened_descriptor(capability::Opened opened, const OpenRequest& request,
                             std::uint64_t inheriting) {
  Descriptor descriptor;
  descriptor.flags = static_cast<std::uint16_t>(request.fd_flags);
  constexpr std::uint64_t kAsked = right::kFdRead | right::kFdWrite;
  if (opened.file != nullptr) {
    descriptor.readable = (request.rights & right::kFdRead) != 0;
    descriptor.writable = (request.rights & right::kFdWrite) != 0;
    descriptor.file = std::move(opened.file);
    descriptor.rights = (right::kOfFiles & ~kAsked) | (request.rights & kAsked);
  } else {
    descriptor.folder = std::move(opened.folder);
    descriptor.rights = right::kOfFolders;
    descriptor.inheriting = inheriting;
  }
  descriptor.rights &= inheriting;
  return descriptor;
}

}  // namespace

Answer path_open(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path, Size path_size,
                 std::uint32_t open_flags, std::uint64_t rights, std::uint64_t inheriting,
                 std::uint32_t fd_flags, Out<Fd> opened) {
  if (is_device_folder(call, fd)) {
    return open_device(call, path, path_size, open_flags, fd_flags, opened);
  }
  const OpenRequest request{lookup_flags, open_flags, fd_flags, rights, inheriting};
  FolderPath at;
  Errno error = at.find(call, fd, path, path_size, needed_rights(request));
  if (error != Errno::kSuccess) return error;
  const std::uint64_t granted = call.host.descriptor(fd)->inheriting;
  capability::OpenOptions options;
  if (error = open_options(request, options); error != Errno::kSuccess) return error;
  if (((rights & (right::kFdRead | right::kFdWrite)) & ~granted) != 0) return Errno::kNotcapable;
  if (!opened.fits(call)) return Errno::kFault;
  auto done = call.host.perform(kPathCostNs, [at = std::move(at), options](Patience patience) {
    return at.folder->open(at.path, options, patience);
  });
  if (!done) return Answer::pending();
  if (!*done) return to_errno(done->error());
  Fd number{};
  Descriptor descriptor = opened_descriptor(std::move(**done), request, granted);
  error = call.host.add_descriptor(std::move(descriptor), number);
  if (error == Errno::kSuccess) return opened.store(call, number);
  call.host.close(descriptor);  // add_descriptor() has left it as it was
  return error;
}

Answer path_filestat_get(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path,
                         Size path_size, Pointer stat) {
  return filestat_get(call, fd, lookup_flags, path, path_size, Out<FileStat>{stat.address});
}

Answer snapshot0::path_filestat_get(const Call& call, Fd fd, std::uint32_t lookup_flags,
                                    Pointer path, Size path_size, Pointer stat) {
  return filestat_get(call, fd, lookup_flags, path, path_size,
                      Out<wasi::snapshot0::FileStat>{stat.address});
}

Answer path_filestat_set_times(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path,
                               Size path_size, Timestamp accessed, Timestamp modified,
                               std::uint32_t flags) {
  FolderPath at;
  Errno error = at.find(call, fd, path, path_size, right::kPathFilestatSetTimes);
  if (error != Errno::kSuccess) return error;
  capability::TimesChange times;
  if (error = read_times(accessed, modified, flags, times); error != Errno::kSuccess) return error;
  return finish(call.host.perform(
      kPathCostNs, [at = std::move(at), how = follow(lookup_flags), times](Patience patience) {
        return at.folder->set_times_of(at.path, how, times, patience);
      }));
}

Answer path_create_directory(const Call& call, Fd fd, Pointer path, Size path_size) {
  return with_path(call, fd, path, path_size, right::kPathCreateDirectory, &Folder::make_folder);
}

Answer path_remove_directory(const Call& call, Fd fd, Pointer path, Size path_size) {
  return with_path(call, fd, path, path_size, right::kPathRemoveDirectory, &Folder::remove_folder);
}

Answer path_unlink_file(const Call& call, Fd fd, Pointer path, Size path_size) {
  return with_path(call, fd, path, path_size, right::kPathUnlinkFile, &Folder::remove_file);
}

Answer path_rename(const Call& call, Fd fd, Pointer old_path, Size old_path_size, Fd new_fd,
                   Pointer new_path, Size new_path_size) {
  TwoPaths at;
  const Errno error = at.find(call, {fd, old_path, old_path_size, right::kPathRenameSource},
                              {new_fd, new_path, new_path_size, right::kPathRenameTarget});
  if (error != Errno::kSuccess) return error;
  return finish(call.host.perform(kPathCostNs, [at = std::move(at)](Patience patience) {
    return at.from.folder->rename(at.from.path, *at.to.folder, at.to.path, patience);
  }));
}

Answer path_link(const Call& call, Fd old_fd, std::uint32_t old_flags, Pointer old_path,
                 Size old_path_size, Fd new_fd, Pointer new_path, Size new_path_size) {
  TwoPaths at;
  const Errno error = at.find(call, {old_fd, old_path, old_path_size, right::kPathLinkSource},
                              {new_fd, new_path, new_path_size, right::kPathLinkTarget});
  if (error != Errno::kSuccess) return error;
  // A link to what a symbolic link leads to would have to follow it twice: no host does.
  if (follow(old_flags) == Follow::kYes) return Errno::kInval;
  return finish(call.host.perform(kPathCostNs, [at = std::move(at)](Patience patience) {
    return at.from.folder->link(at.from.path, *at.to.folder, at.to.path, patience);
  }));
}

Answer path_symlink(const Call& call, Pointer old_path, Size old_path_size, Fd fd, Pointer new_path,
                    Size new_path_size) {
  FolderPath at;
  Errno error = at.find(call, fd, new_path, new_path_size, right::kPathSymlink);
  if (error != Errno::kSuccess) return error;
  std::string target;
  error = read_path(call, old_path, old_path_size, target);
  if (error != Errno::kSuccess) return error;
  return finish(call.host.perform(
      kPathCostNs, [at = std::move(at), target = std::move(target)](Patience patience) {
        return at.folder->symlink(target, at.path, patience);
      }));
}

// A target that does not fit is cut, as readlink(2) does.
Answer path_readlink(const Call& call, Fd fd, Pointer path, Size path_size, Pointer buffer,
                     Size size, Out<Size> used) {
  FolderPath at;
  const Errno error = at.find(call, fd, path, path_size, right::kPathReadlink);
  if (error != Errno::kSuccess) return error;
  const auto room = call.memory.slice(buffer.address, size);
  if (!room || !used.fits(call)) return Errno::kFault;
  const auto target = call.host.perform(kPathCostNs, [at = std::move(at)](Patience patience) {
    return at.folder->read_link(at.path, patience);
  });
  if (!target) return Answer::pending();
  if (!*target) return to_errno(target->error());
  return used.store(call, static_cast<Size>(room->copy_from(as_bytes(**target))));
}

}  // namespace godwit::wasi::functions
