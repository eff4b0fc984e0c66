// The functions on files and folders, as a host that granted none: nothing but streams is open, so
// these tell a guest what POSIX says of a pipe. Zig and others rely on ESPIPE to fall back to
// plain reads and writes; wasi-libc looks for preopened folders until it gets EBADF. The one folder
// that may be there is that of devices (devices.cc), which has no right but to open them.
#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

// `of_stream` for a number that is open, EBADF for others.
Errno refuse(const Call& call, Fd fd, Errno of_stream) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  return descriptor->device_folder ? Errno::kNotcapable : of_stream;
}

// A path is resolved below an open folder, and there is none: its bytes are never looked at.
Errno no_folder(const Call& call, Fd fd) { return refuse(call, fd, Errno::kNotdir); }

Errno positioned(const Call& call, Fd fd, capability::InputStream* Descriptor::* direction) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  return descriptor != nullptr && descriptor->*direction ? Errno::kSpipe : Errno::kBadf;
}

Errno positioned(const Call& call, Fd fd, capability::OutputStream* Descriptor::* direction) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  return descriptor != nullptr && descriptor->*direction ? Errno::kSpipe : Errno::kBadf;
}

bool valid_time_flags(std::uint32_t flags) {
  constexpr std::uint32_t kBothAtime = kSetAtime | kSetAtimeNow;
  constexpr std::uint32_t kBothMtime = kSetMtime | kSetMtimeNow;
  return (flags & ~kAllTimeFlags) == 0 && (flags & kBothAtime) != kBothAtime &&
         (flags & kBothMtime) != kBothMtime;
}

}  // namespace

Errno fd_advise(const Call& call, Fd fd, std::uint64_t, std::uint64_t, std::uint32_t advice) {
  return refuse(call, fd, advice > kLastAdvice ? Errno::kInval : Errno::kSpipe);
}

Errno fd_allocate(const Call& call, Fd fd, std::uint64_t, std::uint64_t) {
  return refuse(call, fd, Errno::kSpipe);
}

Errno fd_datasync(const Call& call, Fd fd) { return refuse(call, fd, Errno::kInval); }

Errno fd_sync(const Call& call, Fd fd) { return refuse(call, fd, Errno::kInval); }

Errno fd_filestat_set_size(const Call& call, Fd fd, std::uint64_t) {
  return refuse(call, fd, Errno::kInval);
}

Errno fd_filestat_set_times(const Call& call, Fd fd, Timestamp, Timestamp, std::uint32_t flags) {
  return refuse(call, fd, valid_time_flags(flags) ? Errno::kNotcapable : Errno::kInval);
}

Errno fd_pread(const Call& call, Fd fd, Pointer, Size, std::uint64_t, Out<Size>) {
  return positioned(call, fd, &Descriptor::input);
}

Errno fd_pwrite(const Call& call, Fd fd, Pointer, Size, std::uint64_t, Out<Size>) {
  return positioned(call, fd, &Descriptor::output);
}

Errno fd_readdir(const Call& call, Fd fd, Pointer, Size, std::uint64_t, Out<Size>) {
  return refuse(call, fd, Errno::kNotdir);
}

Errno fd_seek(const Call& call, Fd fd, std::int64_t, std::uint32_t whence, Out<std::uint64_t>) {
  return refuse(call, fd, whence > kLastWhence ? Errno::kInval : Errno::kSpipe);
}

Errno fd_tell(const Call& call, Fd fd, Out<std::uint64_t>) {
  return refuse(call, fd, Errno::kSpipe);
}

Errno path_create_directory(const Call& call, Fd fd, Pointer, Size) { return no_folder(call, fd); }

Errno path_filestat_set_times(const Call& call, Fd fd, std::uint32_t, Pointer, Size, Timestamp,
                              Timestamp, std::uint32_t) {
  return no_folder(call, fd);
}

Errno path_link(const Call& call, Fd old_fd, std::uint32_t, Pointer, Size, Fd new_fd, Pointer,
                Size) {
  const Errno error = no_folder(call, old_fd);
  return error == Errno::kBadf ? error : no_folder(call, new_fd);
}

Errno path_readlink(const Call& call, Fd fd, Pointer, Size, Pointer, Size, Out<Size>) {
  return no_folder(call, fd);
}

Errno path_remove_directory(const Call& call, Fd fd, Pointer, Size) { return no_folder(call, fd); }

Errno path_rename(const Call& call, Fd fd, Pointer, Size, Fd new_fd, Pointer, Size) {
  const Errno error = no_folder(call, fd);
  return error == Errno::kBadf ? error : no_folder(call, new_fd);
}

Errno path_symlink(const Call& call, Pointer, Size, Fd fd, Pointer, Size) {
  return no_folder(call, fd);
}

Errno path_unlink_file(const Call& call, Fd fd, Pointer, Size) { return no_folder(call, fd); }

// Snapshot 0 numbers whence as cur, end, set; preview 1 as set, cur, end.
Errno snapshot0::fd_seek(const Call& call, Fd fd, std::int64_t offset, std::uint32_t whence,
                         Out<std::uint64_t> position) {
  if (whence > kLastWhence) return functions::fd_seek(call, fd, offset, whence, position);
  return functions::fd_seek(call, fd, offset, (whence + 1) % (kLastWhence + 1), position);
}

}  // namespace godwit::wasi::functions
