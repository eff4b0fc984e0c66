// fd_close, fd_renumber, fd_fdstat_*, fd_filestat_get.
#include <utility>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

FileType file_type(const Descriptor& descriptor) {
  return descriptor.device_folder ? FileType::kDirectory : FileType::kUnknown;
}

template <class Stat>
Errno filestat_get(const Call& call, Fd fd, Out<Stat> stat) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if (!descriptor->may(right::kFdFilestatGet)) return Errno::kNotcapable;
  Stat value{};
  value.filetype = file_type(*descriptor);
  value.link_count = 1;
  return stat.store(call, value);
}

}  // namespace

Errno fd_close(const Call& call, Fd fd) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  *descriptor = {};
  return Errno::kSuccess;
}

// Both must be open (as in CloudABI, where it comes from): it is no dup2 to a number of choice.
Errno fd_renumber(const Call& call, Fd from, Fd to) {
  Descriptor* const source = call.host.descriptor(from);
  Descriptor* const target = call.host.descriptor(to);
  if (source == nullptr || target == nullptr) return Errno::kBadf;
  if (source != target) *target = std::exchange(*source, Descriptor());
  return Errno::kSuccess;
}

Errno fd_fdstat_get(const Call& call, Fd fd, Out<FdStat> stat) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  FdStat value{};
  value.filetype = file_type(*descriptor);
  value.flags = descriptor->flags;
  value.rights_base = descriptor->rights;
  // wasi-libc opens below a folder only what the folder says its files may do.
  if (descriptor->device_folder) value.rights_inheriting = ~std::uint64_t{0};
  return stat.store(call, value);
}

// The flags about append and synchronised writing are kept and mean nothing to a pipe.
Errno fd_fdstat_set_flags(const Call& call, Fd fd, std::uint32_t flags) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if ((flags & ~std::uint32_t{kAllFdFlags}) != 0) return Errno::kInval;
  if (!descriptor->may(right::kFdFdstatSetFlags)) return Errno::kNotcapable;
  descriptor->flags = static_cast<std::uint16_t>(flags);
  return Errno::kSuccess;
}

// Rights can only be given up. Nothing inherits from a stream.
Errno fd_fdstat_set_rights(const Call& call, Fd fd, std::uint64_t base, std::uint64_t inheriting) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if (!descriptor->may(base) || inheriting != 0) return Errno::kNotcapable;
  descriptor->rights = base;
  return Errno::kSuccess;
}

Errno fd_filestat_get(const Call& call, Fd fd, Out<FileStat> stat) {
  return filestat_get(call, fd, stat);
}

Errno snapshot0::fd_filestat_get(const Call& call, Fd fd, Out<wasi::snapshot0::FileStat> stat) {
  return filestat_get(call, fd, stat);
}

}  // namespace godwit::wasi::functions
