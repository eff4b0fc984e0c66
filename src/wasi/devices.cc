// The folder of devices: fd_prestat_*, path_open, path_filestat_get. For programs that insist on
// file names (`-o /dev/stdout`). It grants nothing new: its entries are the streams that the guest
// has anyway. Without it these functions answer as a host that granted no folder.
#include <array>
#include <string_view>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

constexpr std::string_view kFolderName = "/dev";
constexpr std::size_t kMaxNameBytes = 16;  // longer than any entry

// The folder behind `fd`: kBadf, or kNotdir for a stream, else kSuccess.
Errno find_folder(const Call& call, Fd fd) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  return descriptor->device_folder ? Errno::kSuccess : Errno::kNotdir;
}

// A path as short as an entry of the folder; others do not exist.
struct EntryName {
  std::array<std::byte, kMaxNameBytes> bytes;
  std::size_t size = 0;
  std::string_view text() const { return as_text(std::span(bytes).first(size)); }
};

Errno read_name(const Call& call, Pointer path, Size size, EntryName& name) {
  const auto slice = call.memory.slice(path.address, size);
  if (!slice) return Errno::kFault;
  if (size > kMaxNameBytes) return Errno::kNoent;
  name.size = slice->copy_to(name.bytes);
  return Errno::kSuccess;
}

bool is_device(std::string_view name) {
  return name == "stdin" || name == "stdout" || name == "stderr";
}

template <class Stat>
Errno filestat_get(const Call& call, Fd fd, Pointer path, Size path_size, Pointer stat) {
  if (const Errno error = find_folder(call, fd); error != Errno::kSuccess) return error;
  EntryName name;
  if (const Errno error = read_name(call, path, path_size, name); error != Errno::kSuccess) {
    return error;
  }
  const bool folder = name.text() == "." || name.text().empty();
  if (!folder && !is_device(name.text())) return Errno::kNoent;
  Stat value{};
  value.filetype = folder ? FileType::kDirectory : FileType::kUnknown;
  value.link_count = 1;
  return Out<Stat>{stat.address}.store(call, value);
}

}  // namespace

Errno fd_prestat_get(const Call& call, Fd fd, Pointer prestat) {
  if (find_folder(call, fd) != Errno::kSuccess) return Errno::kBadf;
  Prestat value{};
  value.name_size = kFolderName.size();
  return Out<Prestat>{prestat.address}.store(call, value);
}

Errno fd_prestat_dir_name(const Call& call, Fd fd, Pointer path, Size path_size) {
  if (find_folder(call, fd) != Errno::kSuccess) return Errno::kBadf;
  if (path_size < kFolderName.size()) return Errno::kNametoolong;
  const auto slice = call.memory.slice(path.address, path_size);
  if (!slice) return Errno::kFault;
  slice->copy_from(as_bytes(kFolderName));
  return Errno::kSuccess;
}

Errno path_filestat_get(const Call& call, Fd fd, std::uint32_t, Pointer path, Size path_size,
                        Pointer stat) {
  return filestat_get<FileStat>(call, fd, path, path_size, stat);
}

Errno snapshot0::path_filestat_get(const Call& call, Fd fd, std::uint32_t, Pointer path,
                                   Size path_size, Pointer stat) {
  return filestat_get<wasi::snapshot0::FileStat>(call, fd, path, path_size, stat);
}

Errno path_open(const Call& call, Fd fd, std::uint32_t, Pointer path, Size path_size,
                std::uint32_t open_flags, std::uint64_t, std::uint64_t, std::uint32_t fd_flags,
                Out<Fd> opened) {
  if (const Errno error = find_folder(call, fd); error != Errno::kSuccess) return error;
  if ((open_flags & ~kAllOpenFlags) != 0 || (fd_flags & ~std::uint32_t{kAllFdFlags}) != 0) {
    return Errno::kInval;
  }
  EntryName name;
  if (const Errno error = read_name(call, path, path_size, name); error != Errno::kSuccess) {
    return error;
  }
  if (!opened.fits(call)) return Errno::kFault;
  if (!is_device(name.text())) {
    return (open_flags & kOpenCreate) != 0 ? Errno::kAcces : Errno::kNoent;
  }
  if ((open_flags & kOpenDirectory) != 0) return Errno::kNotdir;
  if ((open_flags & kOpenCreate) != 0 && (open_flags & kOpenExclusive) != 0) return Errno::kExist;
  Fd number{};
  const Errno error =
      call.host.open_device(name.text(), static_cast<std::uint16_t>(fd_flags), number);
  return error == Errno::kSuccess ? opened.store(call, number) : error;
}

}  // namespace godwit::wasi::functions
