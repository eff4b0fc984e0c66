// fd_read, fd_write: streams, which are pipes with POSIX's rules (files: file_io.cc). A read
// returns what is there and waits only for the first byte; a write returns when all of it was taken
// (there are programs which never look at the count); a non-blocking descriptor gets a short count
// or EAGAIN instead of waiting; a reader that is gone is EPIPE.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "wasi/file_io.h"
#include "wasi/functions.h"
#include "wasi/iovec_list.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

constexpr std::size_t kBounceBytes = 8192;  // on the guest's stack, which has 256 KiB for hosts

// About what it costs to look through the buffers and to move their bytes once.
std::uint64_t work_of(const IovecList& list) {
  return 100 + 5 * std::uint64_t{list.count()} +
         std::min<std::uint64_t>(list.total(), kMaxTransferBytes) / 4;
}

struct Transfer {
  std::size_t size = 0;
  bool ended = false;  // reads: the end of the input was met
};

Transfer read_available(capability::InputStream& input, const IovecList& list) {
  std::array<std::byte, kBounceBytes> bounce;  // NOLINT: only what was read is looked at
  Scatter buffers(list);
  Transfer done;
  std::size_t left = std::min<std::uint64_t>(list.total(), kMaxTransferBytes);
  while (left != 0) {
    const auto got = input.read(std::span(bounce).first(std::min(left, bounce.size())));
    if (got.status != capability::ReadStatus::kBytes) {
      done.ended = got.status == capability::ReadStatus::kEnd;
      break;
    }
    const std::size_t size = buffers.put(std::span(bounce).first(got.size));
    done.size += size;
    if (size < got.size) break;  // the guest's own doing: it changed its buffers by reading
    left -= size;
  }
  return done;
}

// Writes what fits now, from the byte `skip` on, at most kMaxTransferBytes. Returns how much.
std::size_t write_fitting(capability::OutputStream& output, const IovecList& list,
                          std::size_t skip) {
  std::size_t left = kMaxTransferBytes;
  for (Size i = 0; i < list.count() && left != 0; ++i) {
    const auto buffer = list.buffer(i);
    if (!buffer) break;
    if (skip >= buffer->size()) {
      skip -= buffer->size();
      continue;
    }
    for (std::size_t offset = std::exchange(skip, 0); offset < buffer->size() && left != 0;) {
      const MutableByteSpan room = output.prepare(std::min(buffer->size() - offset, left));
      if (room.empty()) return kMaxTransferBytes - left;
      const std::size_t size = buffer->copy_to(room.first(std::min(room.size(), left)), offset);
      output.commit(size);
      offset += size;
      left -= size;
    }
  }
  return kMaxTransferBytes - left;
}

}  // namespace

Answer fd_read(const Call& call, Fd fd, Pointer iovecs, Size count, Out<Size> read) {
  const std::size_t before = call.host.progress().size;
  call.host.stop_waiting();
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr || (descriptor->input == nullptr && descriptor->file == nullptr)) {
    return Errno::kBadf;
  }
  if (descriptor->file != nullptr && !descriptor->readable) return Errno::kBadf;
  if (!descriptor->may(right::kFdRead)) return Errno::kNotcapable;
  IovecList list(call.memory, iovecs, count);
  if (const Errno error = list.check(); error != Errno::kSuccess) return error;
  if (!read.fits(call)) return Errno::kFault;
  if (descriptor->file != nullptr) {
    return read_file(call, *descriptor, list, std::nullopt, before, read);
  }
  if (list.total() == 0) return read.store(call, 0);
  if (!call.host.afford(work_of(list))) return Answer::pending();

  const Transfer done = read_available(*descriptor->input, list);
  if (done.size != 0 || done.ended) return read.store(call, static_cast<Size>(done.size));
  if ((descriptor->flags & kFdNonblock) != 0) return Errno::kAgain;
  if (call.host.wait_for(*descriptor->input)) return Answer::pending();
  return Errno::kIo;  // a stream that is ready and gives nothing: better an error than a loop
}

Answer fd_write(const Call& call, Fd fd, Pointer iovecs, Size count, Out<Size> written) {
  const std::size_t before = call.host.progress().size;
  call.host.stop_waiting();
  Descriptor* const descriptor = call.host.descriptor(fd);
  if (descriptor == nullptr || (descriptor->output == nullptr && descriptor->file == nullptr)) {
    return Errno::kBadf;
  }
  if (descriptor->file != nullptr && !descriptor->writable) return Errno::kBadf;
  if (!descriptor->may(right::kFdWrite)) return Errno::kNotcapable;
  IovecList list(call.memory, iovecs, count);
  if (const Errno error = list.check(); error != Errno::kSuccess) return error;
  if (!written.fits(call)) return Errno::kFault;
  if (descriptor->file != nullptr) {
    return write_file(call, *descriptor, list, std::nullopt, before, written);
  }
  if (list.total() == 0) return written.store(call, 0);
  if (!call.host.afford(work_of(list))) {
    call.host.remember_progress({.size = before});
    return Answer::pending();
  }

  capability::OutputStream& output = *descriptor->output;
  const std::size_t moved = output.closed() ? 0 : write_fitting(output, list, before);
  const std::size_t done = before + moved;
  const bool nonblocking = (descriptor->flags & kFdNonblock) != 0;
  if (done == list.total() || (done != 0 && (nonblocking || output.closed()))) {
    return written.store(call, static_cast<Size>(done));
  }
  if (output.closed()) return Errno::kPipe;
  if (nonblocking) return Errno::kAgain;
  if (!call.host.wait_for(output)) {
    if (moved == 0) return Errno::kIo;  // room that takes nothing: better an error than a loop
    call.host.give_way();
  }
  call.host.remember_progress({.size = done});
  return Answer::pending();
}

}  // namespace godwit::wasi::functions
