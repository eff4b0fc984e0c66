// The functions on an open file, but for reading and writing: fd_seek, fd_tell, fd_advise,
// fd_allocate, fd_sync and fd_datasync, fd_filestat_set_*. Streams answer as POSIX says of a pipe;
// sync and the times work on folders too.
#include <optional>

#include "wasi/functions.h"
#include "wasi/lookup.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

using capability::File;
using capability::Folder;
using capability::Patience;

enum class Whence : std::uint32_t { kSet, kCurrent, kEnd };

// `base` + `offset` as a position: 0 to INT64_MAX.
std::optional<std::uint64_t> moved(std::uint64_t base, std::int64_t offset) {
  std::int64_t sum = 0;
  if (base > INT64_MAX || __builtin_add_overflow(static_cast<std::int64_t>(base), offset, &sum) ||
      sum < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(sum);
}

// What can be done with an open file and with an open folder alike.
template <class Work>
Answer on_node(const Call& call, Fd fd, std::uint64_t rights, Errno of_stream, Work work) {
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr) return Errno::kBadf;
  if (descriptor->device_folder) return Errno::kNotcapable;
  if (descriptor->file == nullptr && !descriptor->is_folder()) return of_stream;
  if (!descriptor->may(rights)) return Errno::kNotcapable;
  if (descriptor->file != nullptr) {
    return finish(call.host.perform(
        kAttributeCostNs,
        [file = descriptor->file, work](Patience patience) { return work(*file, patience); }));
  }
  return finish(call.host.perform(
      kAttributeCostNs, [folder = call.host.folder(*descriptor), work](Patience patience) {
        return work(*folder, patience);
      }));
}

Answer sync_node(const Call& call, Fd fd, std::uint64_t right, capability::Sync what) {
  return on_node(call, fd, right, Errno::kInval,
                 [what](auto& node, Patience patience) { return node.sync(what, patience); });
}

}  // namespace

Answer fd_advise(const Call& call, Fd fd, std::uint64_t offset, std::uint64_t size,
                 std::uint32_t advice) {
  Descriptor* descriptor = nullptr;
  const Errno error = find_file(call, fd, right::kFdAdvise, descriptor);
  if (error == Errno::kBadf || error == Errno::kNotcapable) return error;
  if (advice > kLastAdvice) return Errno::kInval;
  if (error != Errno::kSuccess) return error;
  if (!is_file_range(offset, size)) return Errno::kInval;
  return finish(call.host.perform(
      kAttributeCostNs,
      [file = descriptor->file, offset, size, kind = static_cast<capability::Advice>(advice)](
          Patience patience) { return file->advise(offset, size, kind, patience); }));
}

Answer fd_allocate(const Call& call, Fd fd, std::uint64_t offset, std::uint64_t size) {
  Descriptor* descriptor = nullptr;
  const Errno error = find_file(call, fd, right::kFdAllocate, descriptor);
  if (error != Errno::kSuccess) return error;
  if (!descriptor->writable) return Errno::kBadf;
  if (size == 0) return Errno::kInval;
  if (!is_file_range(offset, size)) return Errno::kFbig;
  return finish(
      call.host.perform(kPathCostNs, [file = descriptor->file, offset, size](Patience patience) {
        return file->allocate(offset, size, patience);
      }));
}

Answer fd_datasync(const Call& call, Fd fd) {
  return sync_node(call, fd, right::kFdDatasync, capability::Sync::kData);
}

Answer fd_sync(const Call& call, Fd fd) {
  return sync_node(call, fd, right::kFdSync, capability::Sync::kAll);
}

Answer fd_filestat_set_size(const Call& call, Fd fd, std::uint64_t size) {
  Descriptor* descriptor = nullptr;
  const Errno error = find_file(call, fd, right::kFdFilestatSetSize, descriptor);
  if (error != Errno::kSuccess) return error == Errno::kSpipe ? Errno::kInval : error;
  if (!descriptor->writable || size > INT64_MAX) return Errno::kInval;
  return finish(call.host.perform(kPathCostNs, [file = descriptor->file, size](Patience patience) {
    return file->resize(size, patience);
  }));
}

Answer fd_filestat_set_times(const Call& call, Fd fd, Timestamp accessed, Timestamp modified,
                             std::uint32_t flags) {
  capability::TimesChange times;
  const Errno error = read_times(accessed, modified, flags, times);
  if (call.host.descriptor(fd) == nullptr) return Errno::kBadf;
  if (error != Errno::kSuccess) return error;
  return on_node(
      call, fd, right::kFdFilestatSetTimes, Errno::kNotcapable,
      [times](auto& node, Patience patience) { return node.set_times(times, patience); });
}

Answer fd_seek(const Call& call, Fd fd, std::int64_t offset, std::uint32_t whence,
               Out<std::uint64_t> position) {
  Descriptor* descriptor = nullptr;
  // Where it is may be asked with the lesser right.
  const bool asks = whence == static_cast<std::uint32_t>(Whence::kCurrent) && offset == 0;
  const Errno error = find_file(call, fd, asks ? right::kFdTell : right::kFdSeek, descriptor);
  if (error == Errno::kBadf || error == Errno::kNotcapable) return error;
  if (whence > kLastWhence) return Errno::kInval;
  if (error != Errno::kSuccess) return error;
  if (!position.fits(call)) return Errno::kFault;
  std::uint64_t base = Whence{whence} == Whence::kCurrent ? descriptor->position : 0;
  if (Whence{whence} == Whence::kEnd) {
    const auto info = call.host.perform(
        kAttributeCostNs,
        [file = descriptor->file](Patience patience) { return file->info(patience); });
    if (!info) return Answer::pending();
    if (!*info) return to_errno(info->error());
    base = (*info)->size;
  }
  const auto target = moved(base, offset);
  if (!target) return Errno::kInval;
  descriptor->position = *target;
  return position.store(call, *target);
}

Errno fd_tell(const Call& call, Fd fd, Out<std::uint64_t> position) {
  Descriptor* descriptor = nullptr;
  const Errno error = find_file(call, fd, right::kFdTell, descriptor);
  return error == Errno::kSuccess ? position.store(call, descriptor->position) : error;
}

// Snapshot 0 numbers whence as cur, end, set; preview 1 as set, cur, end.
Answer snapshot0::fd_seek(const Call& call, Fd fd, std::int64_t offset, std::uint32_t whence,
                          Out<std::uint64_t> position) {
  if (whence > kLastWhence) return functions::fd_seek(call, fd, offset, whence, position);
  return functions::fd_seek(call, fd, offset, (whence + 1) % (kLastWhence + 1), position);
}

}  // namespace godwit::wasi::functions
