// Reading and writing files: fd_read and fd_write where the descriptor is a file (stdio.cc sends
// them here), fd_pread, fd_pwrite. Bytes pass in pieces through a buffer of the host, because no
// system call ever gets an address of the guest. A transfer ends where its file ends or is full;
// one that meets an error after some bytes returns their count.
#include "wasi/file_io.h"

#include <algorithm>
#include <memory>

#include "wasi/functions.h"
#include "wasi/iovec_list.h"
#include "wasi/lookup.h"
#include "wasi/preview1.h"

namespace godwit::wasi {
namespace {

using capability::File;
using capability::FileResult;
using capability::Patience;

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
constexpr std::size_t kSmallPieceBytes = 4096;

// Looking the buffers through, a call of a file, and two copies.
std::uint64_t cost_of(const IovecList& list, std::size_t size) {
  return 500 + 5 * std::uint64_t{list.count()} + size / 4;
}

std::size_t piece_size(std::size_t left) { return std::min(left, kPieceBytes); }
std::size_t buffer_size(std::size_t piece) {
  return piece <= kSmallPieceBytes ? kSmallPieceBytes : kPieceBytes;
}

// Fills `out` with what stands `skip` bytes into the list, out of the guest's buffers.
void gather(const IovecList& list, std::size_t skip, MutableByteSpan out) {
  for (Size i = 0; i < list.count() && !out.empty(); ++i) {
    const auto buffer = list.buffer(i);
    if (!buffer) return;
    if (skip >= buffer->size()) {
      skip -= buffer->size();
      continue;
    }
    out = out.subspan(buffer->copy_to(out, skip));
    skip = 0;
  }
}

struct Transfer {
  const Call& call;
  Descriptor& descriptor;
  const IovecList& list;
  std::optional<std::uint64_t> at;  // fd_pread, fd_pwrite; else the descriptor's position

  std::uint64_t begin() const { return at.value_or(descriptor.position); }
  std::size_t size() const { return std::min<std::uint64_t>(list.total(), kMaxTransferBytes); }

  Answer suspend(std::size_t done) const {
    call.host.remember_progress({.size = done});
    return Answer::pending();
  }
  Answer end(std::size_t done, Out<Size> count) const {
    if (!at) descriptor.position += done;
    return count.store(call, static_cast<Size>(done));
  }
};

Answer read_transfer(const Transfer& transfer, std::size_t done, Out<Size> count) {
  Preview1& host = transfer.call.host;
  while (done < transfer.size()) {
    const std::size_t size = piece_size(transfer.size() - done);
    const auto& buffer = host.transfer_buffer(buffer_size(size));
    const auto got = host.perform(
        cost_of(transfer.list, size), [file = transfer.descriptor.file, buffer,
                                       offset = transfer.begin() + done, size](Patience patience) {
          return file->read(offset, std::span(buffer->bytes.get(), size), patience);
        });
    if (!got) return transfer.suspend(done);
    if (!*got) {
      if (done != 0) break;
      return to_errno(got->error());
    }
    if (**got == 0) break;
    const std::size_t placed =
        Scatter(transfer.list, done).put(ByteSpan(buffer->bytes.get(), **got));
    done += placed;
    if (placed < **got) break;
  }
  return transfer.end(done, count);
}

// What is written in append mode goes to the end of the file, wherever that is: also fd_pwrite, as
// on Linux.
Answer write_transfer(const Transfer& transfer, std::size_t done, Out<Size> count) {
  Preview1& host = transfer.call.host;
  const bool append = (transfer.descriptor.flags & kFdAppend) != 0;
  while (done < transfer.size()) {
    const std::size_t size = piece_size(transfer.size() - done);
    const auto& buffer = host.transfer_buffer(buffer_size(size));
    // The other thread may be reading the buffer.
    if (!host.performing()) {
      gather(transfer.list, done, MutableByteSpan(buffer->bytes.get(), size));
    }
    const auto written =
        host.perform(cost_of(transfer.list, size),
                     [file = transfer.descriptor.file, buffer, offset = transfer.begin() + done,
                      size, append](Patience patience) -> FileResult<File::Appended> {
                       const ByteSpan bytes(buffer->bytes.get(), size);
                       if (append) return file->append(bytes, patience);
                       const auto taken = file->write(offset, bytes, patience);
                       if (!taken) return capability::file_error(taken.error());
                       return File::Appended{*taken, offset + *taken};
                     });
    if (!written) return transfer.suspend(done);
    if (!*written) {
      if (done != 0) break;
      return to_errno(written->error());
    }
    done += (*written)->size;
    if (append && !transfer.at) transfer.descriptor.position = (*written)->end - done;
    if ((*written)->size == 0) break;
  }
  return transfer.end(done, count);
}

}  // namespace

Answer read_file(const Call& call, Descriptor& descriptor, const IovecList& list,
                 std::optional<std::uint64_t> at, std::size_t progress, Out<Size> count) {
  const Transfer transfer{call, descriptor, list, at};
  if (!is_file_range(transfer.begin(), transfer.size())) return Errno::kInval;
  return read_transfer(transfer, progress, count);
}

Answer write_file(const Call& call, Descriptor& descriptor, const IovecList& list,
                  std::optional<std::uint64_t> at, std::size_t progress, Out<Size> count) {
  const Transfer transfer{call, descriptor, list, at};
  if (!is_file_range(transfer.begin(), transfer.size())) return Errno::kFbig;
  return write_transfer(transfer, progress, count);
}

namespace functions {
namespace {

using Move = Answer (*)(const Call&, Descriptor&, const IovecList&, std::optional<std::uint64_t>,
                        std::size_t, Out<Size>);

Answer move_at(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint64_t offset,
               std::uint64_t rights, Move move, Out<Size> moved) {
  const std::size_t progress = call.host.progress().size;
  call.host.stop_waiting();
  Descriptor* descriptor = nullptr;
  if (const Errno error = find_file(call, fd, rights, descriptor); error != Errno::kSuccess) {
    return error;
  }
  IovecList list(call.memory, iovecs, count);
  if (const Errno error = list.check(); error != Errno::kSuccess) return error;
  if (!moved.fits(call)) return Errno::kFault;
  return move(call, *descriptor, list, offset, progress, moved);
}

// A stream has no positions; one that goes in the other direction is a bad descriptor even so.
template <class Stream>
bool is_other_direction(const Call& call, Fd fd, Stream* Descriptor::* direction) {
  const Descriptor* const descriptor = call.host.descriptor(fd);
  return descriptor != nullptr && descriptor->*direction != nullptr;
}

}  // namespace

Answer fd_pread(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint64_t offset,
                Out<Size> read) {
  if (is_other_direction(call, fd, &Descriptor::output)) return Errno::kBadf;
  return move_at(call, fd, iovecs, count, offset, right::kFdRead, &read_file, read);
}

Answer fd_pwrite(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint64_t offset,
                 Out<Size> written) {
  if (is_other_direction(call, fd, &Descriptor::input)) return Errno::kBadf;
  return move_at(call, fd, iovecs, count, offset, right::kFdWrite, &write_file, written);
}

}  // namespace functions
}  // namespace godwit::wasi
