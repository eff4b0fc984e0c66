#include "wasi/devices.h"

#include <array>
#include <string_view>

#include "base/bytes.h"

namespace godwit::wasi {
namespace {

constexpr std::size_t kMaxNameBytes = 16;  // longer than any entry

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

}  // namespace

template <class Stat>
Errno device_filestat_get(const Call& call, Pointer path, Size path_size, Out<Stat> stat) {
  EntryName name;
  if (const Errno error = read_name(call, path, path_size, name); error != Errno::kSuccess) {
    return error;
  }
  const bool folder = name.text() == "." || name.text().empty();
  if (!folder && !is_device(name.text())) return Errno::kNoent;
  Stat value{};
  value.filetype = folder ? FileType::kDirectory : FileType::kUnknown;
  value.link_count = 1;
  return stat.store(call, value);
}
template Errno device_filestat_get(const Call& call, Pointer path, Size path_size,
                                   Out<FileStat> stat);
template Errno device_filestat_get(const Call& call, Pointer path, Size path_size,
                                   Out<snapshot0::FileStat> stat);

Errno open_device(const Call& call, Pointer path, Size path_size, std::uint32_t open_flags,
                  std::uint32_t fd_flags, Out<Fd> opened) {
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

}  // namespace godwit::wasi
