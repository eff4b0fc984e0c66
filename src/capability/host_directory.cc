#include "capability/host_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "capability/host_file.h"

namespace godwit::capability {
namespace {

constexpr int kMaxTries = 64;  // of a creation while others create and remove the same name

int sync_flags(Sync sync) {
  switch (sync) {
    case Sync::kNone: return 0;
    case Sync::kData: return O_DSYNC;
    case Sync::kAll: return O_SYNC;
  }
  return 0;
}

// A program that runs with its owner's rights is not for guests to fill, and where this process may
// keep such bits (CAP_FSETID) the kernel would not take them away.
bool lends_rights(mode_t mode) {
  return (mode & S_ISUID) != 0 || (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
}

Opened opened(std::shared_ptr<File> file) { return {.file = std::move(file), .folder = nullptr}; }
Opened opened(std::shared_ptr<Folder> folder) {
  return {.file = nullptr, .folder = std::move(folder)};
}

HostFile::Rights rights_of(const OpenOptions& options, Access access) {
  return {.access = access,
          .read = options.read,
          .write = options.write,
          .writable_descriptor = options.write || options.truncate,
          .sync = options.sync};
}

}  // namespace

FileResult<HostDirectory::Node> HostDirectory::find(std::string_view path, Follow follow,
                                                    Patience patience, Expect expect) const {
  if (patience == Patience::kNone && !state_->local()) return file_error(kWouldBlock);
  const int flags = O_PATH | (follow == Follow::kNo ? O_NOFOLLOW : 0) |
                    (expect == Expect::kFolder ? O_DIRECTORY : 0);
  auto handle = open_beneath(base(patience), path, flags);
  if (!handle) return file_error(handle.error());
  const auto info = stat_of(handle->get());
  if (!info) return file_error(info.error());
  return Node{.handle = std::move(*handle), .info = *info};
}

FileResult<Opened> HostDirectory::open(std::string_view path, const OpenOptions& options,
                                       Patience patience) {
  if (access_ == Access::kRead && (options.write || options.truncate)) {
    return file_error(std::errc::read_only_file_system);
  }
  if (options.create && options.folder) return file_error(std::errc::invalid_argument);
  // Only opening for reading can be done at once: an overlay copies a file that is to be written.
  if (patience == Patience::kNone && (options.create || options.truncate || options.write)) {
    return file_error(kWouldBlock);
  }
  const bool must_be_new = options.create && options.exclusive;
  if (options.create && path.ends_with('/')) {
    // Only a folder could have this name, and none is made here (open(2)).
    const std::errc dots = must_be_new ? std::errc::file_exists : std::errc::is_a_directory;
    const auto place = find_name(base(patience), path, {.dot = dots, .dot_dot = dots});
    return file_error(place ? std::errc::is_a_directory : place.error());
  }
  auto node = find(path, must_be_new ? Follow::kNo : options.follow, patience,
                   options.folder ? Expect::kFolder : Expect::kAnything);
  if (node) {
    if (must_be_new) return file_error(std::errc::file_exists);
    return open_node(std::move(*node), options, patience);
  }
  if (!options.create || node.error() != std::errc::no_such_file_or_directory) {
    return file_error(node.error());
  }
  if (access_ == Access::kRead) return file_error(std::errc::read_only_file_system);
  return create(path, options);
}

FileResult<Opened> HostDirectory::open_node(Node node, const OpenOptions& options,
                                            Patience patience) {
  const mode_t mode = node.info.st_mode;
  const bool changes = options.write || options.truncate;
  if (S_ISLNK(mode)) return file_error(std::errc::too_many_symbolic_link_levels);
  if (S_ISDIR(mode)) {
    if (changes || options.create) return file_error(std::errc::is_a_directory);
    return opened(std::make_shared<HostDirectory>(state_, std::move(node.handle), access_));
  }
  if (!S_ISREG(mode)) return file_error(std::errc::operation_not_permitted);
  if (!changes && !options.read) return open_file(std::move(node.handle), options);
  if (changes && lends_rights(mode)) return file_error(std::errc::operation_not_permitted);

  const int direction = !changes ? O_RDONLY : options.read ? O_RDWR : O_WRONLY;
  auto handle = reopen(base(patience), node.handle.get(), direction | sync_flags(options.sync));
  if (!handle) return file_error(handle.error());
  node.handle.reset();
  return open_file(std::move(*handle), options);
}

FileResult<Opened> HostDirectory::open_file(HostHandle handle, const OpenOptions& options) {
  auto pin = state_->pin(std::move(handle));
  if (!pin) return file_error(pin.error());
  if (pin->inode() != nullptr) {
    // Removed between being found and being pinned: nobody is charged for it any more, so nobody
    // may have it.
    const auto info = stat_of(pin->fd());
    if (!info) return file_error(info.error());
    if (info->st_nlink == 0) return file_error(std::errc::no_such_file_or_directory);
  }
  auto file = std::make_shared<HostFile>(state_, std::move(*pin), rights_of(options, access_));
  if (options.truncate) {
    if (const auto cut = file->truncate(); !cut) return file_error(cut.error());
  }
  return opened(std::move(file));
}

FileResult<Opened> HostDirectory::create(std::string_view path, const OpenOptions& options) {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    std::unique_lock names(state_->names);
    auto node = find(path, options.exclusive ? Follow::kNo : options.follow, Patience::kMayBlock);
    if (node) {  // somebody else was faster
      names.unlock();
      if (options.exclusive) return file_error(std::errc::file_exists);
      auto there = open_node(std::move(*node), options, Patience::kMayBlock);
      if (there || there.error() != std::errc::no_such_file_or_directory) return there;
      continue;
    }
    if (node.error() != std::errc::no_such_file_or_directory) return file_error(node.error());
    auto handle = create_node(path, options);
    if (handle) return open_file(std::move(*handle), options);
    if (options.exclusive || handle.error() != std::errc::file_exists) {
      return file_error(handle.error());
    }
  }
  return file_error(std::errc::device_or_resource_busy);
}

FileResult<HostHandle> HostDirectory::create_node(std::string_view path,
                                                  const OpenOptions& options) {
  if (!state_->quota.files.take_all(1)) return file_error(std::errc::no_space_on_device);
  const int flags = O_RDWR | O_CREAT | sync_flags(options.sync);
  // O_EXCL makes sure that it is a new file which was opened; it also does not follow a link.
  auto handle = open_beneath(base(Patience::kMayBlock), path, flags | O_EXCL, 0666);
  if (!handle && handle.error() == std::errc::file_exists && !options.exclusive &&
      options.follow == Follow::kYes) {
    // A link whose target is to be made.
    handle = open_beneath(base(Patience::kMayBlock), path, flags, 0666);
    const auto info = handle ? stat_of(handle->get()) : file_error(handle.error());
    if (info && !S_ISREG(info->st_mode)) handle = file_error(std::errc::operation_not_permitted);
  }
  if (!handle) state_->quota.files.give_back(1);
  return handle;
}

FileResult<NodeInfo> HostDirectory::info(Patience patience) {
  if (patience == Patience::kNone && !state_->local()) return file_error(kWouldBlock);
  const auto info = stat_of(folder_.get());
  if (!info) return file_error(info.error());
  return node_info(*info);
}

FileResult<NodeInfo> HostDirectory::info_of(std::string_view path, Follow follow,
                                            Patience patience) {
  const auto node = find(path, follow, patience);
  if (!node) return file_error(node.error());
  return node_info(node->info);
}

FileResult<std::string> HostDirectory::read_link(std::string_view path, Patience patience) {
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  const auto node = find(path, Follow::kNo, patience);
  if (!node) return file_error(node.error());
  if (!S_ISLNK(node->info.st_mode)) return file_error(std::errc::invalid_argument);
  std::string target(kMaxPathBytes, '\0');
  const ssize_t size = ::readlinkat(node->handle.get(), "", target.data(), target.size());
  if (size < 0) return file_error(errc_of(errno));
  target.resize(static_cast<std::size_t>(size));
  if (target.starts_with('/')) return file_error(std::errc::operation_not_permitted);
  if (!is_utf8(target)) return file_error(std::errc::illegal_byte_sequence);
  return target;
}

FileResult<void> HostDirectory::sync(Sync what, Patience patience) {
  if (what == Sync::kNone) return {};
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  const auto self = open_beneath(base(patience), ".", O_RDONLY | O_DIRECTORY);
  if (!self) return file_error(self.error());
  const int result = what == Sync::kData ? ::fdatasync(self->get()) : ::fsync(self->get());
  if (result != 0) return file_error(errc_of(errno));
  return {};
}

FileResult<std::vector<FolderEntry>> HostDirectory::list(std::uint64_t position,
                                                         std::size_t bytes_max, Patience patience) {
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  const std::unique_lock lock(listing_mutex_, std::try_to_lock);
  HostHandle own;  // while another thread has the kept one
  HostHandle& handle = lock.owns_lock() ? listing_ : own;
  const bool fresh = position == 0 || !handle.valid();
  if (fresh) {
    handle.reset();
    auto self = open_beneath(base(patience), ".", O_RDONLY | O_DIRECTORY);
    if (!self) return file_error(self.error());
    handle = std::move(*self);
  }
  const std::uint64_t stands_at = fresh ? 0 : listing_position_;
  HostListing listing(handle.get(), bytes_max);
  if (stands_at != position) {
    if (const auto sought = listing.seek(position); !sought) {
      handle.reset();
      return file_error(sought.error());
    }
  }
  auto entries = read_entries(listing);
  if (!entries) {
    handle.reset();
  } else if (lock.owns_lock()) {
    listing_position_ = entries->empty() ? position : entries->back().next;
  }
  return entries;
}

// One buffer full of the kernel's records, or more where a whole buffer had nothing to show. All of
// it is given out, so that the descriptor stands behind the last entry.
FileResult<std::vector<FolderEntry>> HostDirectory::read_entries(HostListing& listing) const {
  const auto self = stat_of(folder_.get());
  if (!self) return file_error(self.error());
  std::vector<FolderEntry> entries;
  while (entries.empty() || !listing.batch_done()) {
    const auto next = listing.next();
    if (!next) return file_error(next.error());
    if (*next == nullptr) break;
    const HostEntry& entry = **next;
    const bool dots = entry.name == "." || entry.name == "..";
    if (!is_utf8(entry.name)) {
      // What a guest can't name is left out; the next listing goes on behind it.
      if (!entries.empty()) entries.back().next = entry.next;
      continue;
    }
    entries.push_back({.name = std::string(entry.name),
                       .inode = dots ? self->st_ino : entry.inode,
                       .kind = dots ? NodeKind::kFolder : entry_kind(entry),
                       .next = entry.next});
  }
  return entries;
}

NodeKind HostDirectory::entry_kind(const HostEntry& entry) const {
  switch (entry.type) {
    case DT_REG: return NodeKind::kFile;
    case DT_DIR: return NodeKind::kFolder;
    case DT_LNK: return NodeKind::kLink;
    case DT_UNKNOWN: {  // this file system's folders don't tell
      const auto node = find(entry.name, Follow::kNo, Patience::kMayBlock);
      return node ? node_info(node->info).kind : NodeKind::kOther;
    }
    default: return NodeKind::kOther;
  }
}

}  // namespace godwit::capability
