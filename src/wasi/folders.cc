// fd_prestat_get and fd_prestat_dir_name, by which a program finds the folders that it was handed,
// and fd_readdir.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "wasi/devices.h"
#include "wasi/functions.h"
#include "wasi/lookup.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

using capability::FolderEntry;
using capability::Patience;

constexpr std::size_t kListingBytes = std::size_t{16} << 10;  // asked of a folder at once

// Under which name the guest finds it; nothing when it was not handed over but opened.
std::optional<std::string_view> preopen_name(const Call& call, Fd fd) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return std::nullopt;
  if (descriptor->device_folder) return kDeviceFolderName;
  if (descriptor->grant == nullptr) return std::nullopt;
  return descriptor->grant->path;
}

// Fills the guest's buffer with entries, one directly behind the other. The last one is cut where
// the buffer ends: that it is full is how the guest learns that there is more.
class EntryWriter final {
 public:
  EntryWriter(const engine::GuestSlice& buffer, std::size_t used) : buffer_(buffer), used_(used) {}

  bool full() const { return used_ == buffer_.size(); }
  std::size_t used() const { return used_; }
  void put(const FolderEntry& entry) {
    Dirent dirent{};
    dirent.next = entry.next;
    dirent.inode = entry.inode;
    dirent.name_size = static_cast<Size>(entry.name.size());
    dirent.type = file_type(entry.kind);
    put(std::as_bytes(std::span(&dirent, 1)));
    put(as_bytes(entry.name));
  }

 private:
  void put(ByteSpan bytes) { used_ += buffer_.copy_from(bytes, used_); }

  const engine::GuestSlice& buffer_;
  std::size_t used_;
};

}  // namespace

Errno fd_prestat_get(const Call& call, Fd fd, Pointer prestat) {
  const auto name = preopen_name(call, fd);
  if (!name) return Errno::kBadf;
  Prestat value{};
  value.name_size = static_cast<Size>(name->size());
  return Out<Prestat>{prestat.address}.store(call, value);
}

Errno fd_prestat_dir_name(const Call& call, Fd fd, Pointer path, Size path_size) {
  const auto name = preopen_name(call, fd);
  if (!name) return Errno::kBadf;
  if (path_size < name->size()) return Errno::kNametoolong;
  const auto slice = call.memory.slice(path.address, path_size);
  if (!slice) return Errno::kFault;
  slice->copy_from(as_bytes(*name));
  return Errno::kSuccess;
}

Answer fd_readdir(const Call& call, Fd fd, Pointer buffer, Size size, std::uint64_t cookie,
                  Out<Size> used) {
  const Preview1::Progress before = call.host.progress();
  call.host.stop_waiting();
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if (descriptor->device_folder) return Errno::kNotcapable;
  if (!descriptor->is_folder()) return Errno::kNotdir;
  if (!descriptor->may(right::kFdReaddir)) return Errno::kNotcapable;
  const auto room = call.memory.slice(buffer.address, size);
  if (!room || !used.fits(call)) return Errno::kFault;

  EntryWriter writer(*room, before.size);
  std::uint64_t position = before.size != 0 ? before.cookie : cookie;
  while (!writer.full()) {
    const auto entries = call.host.perform(
        kPathCostNs, [folder = call.host.folder(*descriptor), position,
                      wanted = std::min<std::size_t>(size - writer.used(), kListingBytes)](
                         Patience patience) { return folder->list(position, wanted, patience); });
    if (!entries) {
      call.host.remember_progress({.size = writer.used(), .cookie = position});
      return Answer::pending();
    }
    if (!*entries) {
      if (writer.used() != 0) break;
      return to_errno(entries->error());
    }
    if ((*entries)->empty()) break;
    for (const FolderEntry& entry : **entries) {
      if (!writer.full()) writer.put(entry);
    }
    position = (*entries)->back().next;
  }
  return used.store(call, static_cast<Size>(writer.used()));
}

}  // namespace godwit::wasi::functions
