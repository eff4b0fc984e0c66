// fd_close, fd_renumber, fd_fdstat_*, fd_filestat_get.
#include <utility>

#include "wasi/functions.h"
#include "wasi/lookup.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

FileType file_type(const Descriptor& descriptor) {
  if (descriptor.device_folder || descriptor.is_folder()) return FileType::kDirectory;
  return descriptor.file != nullptr ? FileType::kRegularFile : FileType::kUnknown;
}

template <class Stat>
Answer filestat_get(const Call& call, Fd fd, Out<Stat> stat) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if (!descriptor->may(right::kFdFilestatGet)) return Errno::kNotcapable;
  if (descriptor->file == nullptr && !descriptor->is_folder()) {
    Stat value{};
    value.filetype = file_type(*descriptor);
    value.link_count = 1;
    return stat.store(call, value);
  }
  if (!stat.fits(call)) return Errno::kFault;
  const auto info = call.host.perform(
      kAttributeCostNs,
      [file = descriptor->file, folder = descriptor->is_folder()
                                             ? call.host.folder(*descriptor)
                                             : nullptr](capability::Patience patience) {
        return file != nullptr ? file->info(patience) : folder->info(patience);
      });
  if (!info) return Answer::pending();
  if (!*info) return to_errno(info->error());
  return stat.store(call, to_filestat<Stat>(**info));
}

}  // namespace

Errno fd_close(const Call& call, Fd fd) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  call.host.close(*descriptor);
  return Errno::kSuccess;
}

// Both must be open (as in CloudABI, where it comes from): it is no dup2 to a number of choice.
Errno fd_renumber(const Call& call, Fd from, Fd to) {
  Descriptor* const source = call.host.descriptor(from);
  Descriptor* const target = call.host.descriptor(to);
  if (source == nullptr || target == nullptr) return Errno::kBadf;
  if (source == target) return Errno::kSuccess;
  call.host.close(*target);
  *target = std::exchange(*source, Descriptor());
  return Errno::kSuccess;
}

Errno fd_fdstat_get(const Call& call, Fd fd, Out<FdStat> stat) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  FdStat value{};
  value.filetype = file_type(*descriptor);
  value.flags = descriptor->flags;
  value.rights_base = descriptor->rights;
  value.rights_inheriting = descriptor->inheriting;
  return stat.store(call, value);
}

// The flags about append and synchronised writing are kept and mean nothing to a pipe. Of a file
// (or folder) how it synchronises was settled when it was opened.
Errno fd_fdstat_set_flags(const Call& call, Fd fd, std::uint32_t flags) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if ((flags & ~std::uint32_t{kAllFdFlags}) != 0) return Errno::kInval;
  if (!descriptor->may(right::kFdFdstatSetFlags)) return Errno::kNotcapable;
  constexpr std::uint32_t kSettled = kFdDsync | kFdRsync | kFdSync;
  if ((descriptor->file != nullptr || descriptor->is_folder()) &&
      ((flags ^ descriptor->flags) & kSettled) != 0) {
    return Errno::kInval;
  }
  descriptor->flags = static_cast<std::uint16_t>(flags);
  return Errno::kSuccess;
}

// Rights can only be given up.
Errno fd_fdstat_set_rights(const Call& call, Fd fd, std::uint64_t base, std::uint64_t inheriting) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if (!descriptor->may(base) || (inheriting & ~descriptor->inheriting) != 0) {
    return Errno::kNotcapable;
  }
  descriptor->rights = base;
  descriptor->inheriting = inheriting;
  return Errno::kSuccess;
}

Answer fd_filestat_get(const Call& call, Fd fd, Out<FileStat> stat) {
  return filestat_get(call, fd, stat);
}

Answer snapshot0::fd_filestat_get(const Call& call, Fd fd, Out<wasi::snapshot0::FileStat> stat) {
  return filestat_get(call, fd, stat);
}

}  // namespace godwit::wasi::functions
