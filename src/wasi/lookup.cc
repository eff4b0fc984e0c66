#include "wasi/lookup.h"

#include "base/bytes.h"

namespace godwit::wasi {

Errno to_errno(std::errc error) {
  switch (error) {
    case std::errc::bad_file_descriptor: return Errno::kBadf;
    case std::errc::cross_device_link: return Errno::kXdev;
    case std::errc::device_or_resource_busy: return Errno::kBusy;
    case std::errc::directory_not_empty: return Errno::kNotempty;
    case std::errc::file_exists: return Errno::kExist;
    case std::errc::file_too_large: return Errno::kFbig;
    case std::errc::filename_too_long: return Errno::kNametoolong;
    case std::errc::function_not_supported: return Errno::kNosys;
    case std::errc::illegal_byte_sequence: return Errno::kIlseq;
    case std::errc::interrupted: return Errno::kIntr;
    case std::errc::invalid_argument: return Errno::kInval;
    case std::errc::is_a_directory: return Errno::kIsdir;
    case std::errc::no_space_on_device: return Errno::kNospc;
    case std::errc::no_such_device_or_address: return Errno::kNxio;
    case std::errc::no_such_file_or_directory: return Errno::kNoent;
    case std::errc::not_a_directory: return Errno::kNotdir;
    case std::errc::not_enough_memory: return Errno::kNomem;
    case std::errc::not_supported: return Errno::kNotsup;  // EOPNOTSUPP is the same number
    case std::errc::operation_not_permitted: return Errno::kPerm;
    case std::errc::permission_denied: return Errno::kAcces;
    case std::errc::read_only_file_system: return Errno::kRofs;
    case std::errc::resource_unavailable_try_again: return Errno::kAgain;
    case std::errc::text_file_busy: return Errno::kTxtbsy;
    case std::errc::too_many_files_open: return Errno::kMfile;
    case std::errc::too_many_files_open_in_system: return Errno::kNfile;
    case std::errc::too_many_links: return Errno::kMlink;
    case std::errc::too_many_symbolic_link_levels: return Errno::kLoop;
    case std::errc::value_too_large: return Errno::kOverflow;
    default: return Errno::kIo;
  }
}

template <class Stat>
Stat to_filestat(const capability::NodeInfo& info) {
  Stat stat{};
  stat.device = info.device;
  stat.inode = info.inode;
  stat.filetype = file_type(info.kind);
  stat.link_count = static_cast<decltype(stat.link_count)>(info.links);
  stat.size = info.size;
  stat.accessed = info.accessed_ns;
  stat.modified = info.modified_ns;
  stat.changed = info.changed_ns;
  return stat;
}
template FileStat to_filestat<FileStat>(const capability::NodeInfo& info);
template snapshot0::FileStat to_filestat<snapshot0::FileStat>(const capability::NodeInfo& info);

FileType file_type(capability::NodeKind kind) {
  switch (kind) {
    case capability::NodeKind::kFile: return FileType::kRegularFile;
    case capability::NodeKind::kFolder: return FileType::kDirectory;
    case capability::NodeKind::kLink: return FileType::kSymbolicLink;
    case capability::NodeKind::kOther: break;
  }
  return FileType::kUnknown;
}

Errno read_path(const Call& call, Pointer path, Size size, std::string& text) {
  const auto slice = call.memory.slice(path.address, size);
  if (!slice) return Errno::kFault;
  if (size > capability::kMaxPathBytes) return Errno::kNametoolong;
  text.resize(size);
  slice->copy_to(std::as_writable_bytes(std::span(text)));
  if (text.find('\0') != std::string::npos) return Errno::kInval;
  return is_utf8(text) ? Errno::kSuccess : Errno::kIlseq;
}

namespace {

Errno judge_folder(const Call& call, Fd fd, std::uint64_t rights) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  // The folder of devices has entries that can be opened and asked about (devices.cc), no more.
  if (descriptor->device_folder) return Errno::kNotcapable;
  if (!descriptor->is_folder()) return Errno::kNotdir;
  return descriptor->may(rights) ? Errno::kSuccess : Errno::kNotcapable;
}

}  // namespace

Errno FolderPath::find(const Call& call, Fd fd, Pointer path_pointer, Size path_size,
                       std::uint64_t rights) {
  Errno error = judge_folder(call, fd, rights);
  if (error != Errno::kSuccess) return error;
  error = read_path(call, path_pointer, path_size, path);
  if (error == Errno::kSuccess) folder = call.host.folder(*call.host.descriptor(fd));
  return error;
}

Errno TwoPaths::find(const Call& call, const End& from_end, const End& to_end) {
  const Errno of_from = judge_folder(call, from_end.fd, from_end.rights);
  const Errno of_to = judge_folder(call, to_end.fd, to_end.rights);
  if (of_from == Errno::kBadf || of_to == Errno::kBadf) return Errno::kBadf;
  if (of_from != Errno::kSuccess) return of_from;
  if (of_to != Errno::kSuccess) return of_to;
  const Errno error =
      from.find(call, from_end.fd, from_end.path, from_end.path_size, from_end.rights);
  if (error != Errno::kSuccess) return error;
  return to.find(call, to_end.fd, to_end.path, to_end.path_size, to_end.rights);
}

Errno find_file(const Call& call, Fd fd, std::uint64_t rights, Descriptor*& found) {
  found = call.host.descriptor(fd);
  if (found == nullptr || found->is_folder()) return Errno::kBadf;
  if (found->device_folder) return Errno::kNotcapable;
  // Zig and others rely on ESPIPE to fall back to plain reads and writes.
  if (found->file == nullptr) return Errno::kSpipe;
  if (((rights & right::kFdRead) != 0 && !found->readable) ||
      ((rights & right::kFdWrite) != 0 && !found->writable)) {
    return Errno::kBadf;  // not opened for that; a right that was given up is kNotcapable
  }
  return found->may(rights) ? Errno::kSuccess : Errno::kNotcapable;
}

Errno read_times(Timestamp accessed, Timestamp modified, std::uint32_t flags,
                 capability::TimesChange& times) {
  using What = capability::TimeChange::What;
  constexpr std::uint32_t kBothAtime = kSetAtime | kSetAtimeNow;
  constexpr std::uint32_t kBothMtime = kSetMtime | kSetMtimeNow;
  if ((flags & ~kAllTimeFlags) != 0 || (flags & kBothAtime) == kBothAtime ||
      (flags & kBothMtime) == kBothMtime) {
    return Errno::kInval;
  }
  const auto change = [&](std::uint32_t set, std::uint32_t now,
                          Timestamp time) -> capability::TimeChange {
    if ((flags & set) != 0) return {What::kSet, time};
    return {(flags & now) != 0 ? What::kNow : What::kKeep, 0};
  };
  times = {change(kSetAtime, kSetAtimeNow, accessed), change(kSetMtime, kSetMtimeNow, modified)};
  return Errno::kSuccess;
}

}  // namespace godwit::wasi
