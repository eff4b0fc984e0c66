// random_get.
#include <algorithm>
#include <array>

#include <string.h>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {

namespace {

void fill(const Call& call, const engine::GuestSlice& slice, std::size_t begin, std::size_t end) {
  std::array<std::byte, 4096> bounce;  // NOLINT: filled before it is read
  const std::size_t used = std::min(bounce.size(), end - begin);
  while (begin < end) {
    const MutableByteSpan piece = std::span(bounce).first(std::min(bounce.size(), end - begin));
    call.host.random().fill(piece);
    begin += slice.copy_from(piece, begin);
  }
  ::explicit_bzero(bounce.data(), used);
}

// So much is given at once, without looking at what another call remembers: a component of WASI 0.3
// asks for a number while a call on files waits.
constexpr Size kAtOnceBytes = 4096;

}  // namespace

// No short count can be returned: a large request is filled in pieces, between which the guest
// gives way.
Answer random_get(const Call& call, Pointer buffer, Size size) {
  if (size <= kAtOnceBytes) {
    const auto slice = call.memory.slice(buffer.address, size);
    if (!slice) return Errno::kFault;
    if (!call.host.afford(200 + 2 * std::uint64_t{size})) return Answer::pending();
    fill(call, *slice, 0, size);
    return Errno::kSuccess;
  }
  const std::size_t remembered = call.host.progress().size;
  const std::size_t before = remembered < size ? remembered : 0;
  call.host.stop_waiting();
  const auto slice = call.memory.slice(buffer.address, size);
  if (!slice) return Errno::kFault;
  const std::size_t piece = std::min<std::size_t>(size - before, kMaxRandomPieceBytes);
  if (!call.host.afford(200 + 2 * piece)) {
    call.host.remember_progress({.size = before});
    return Answer::pending();
  }
  fill(call, *slice, before, before + piece);
  if (before + piece == size) return Errno::kSuccess;
  call.host.give_way();
  call.host.remember_progress({.size = before + piece});
  return Answer::pending();
}

}  // namespace godwit::wasi::functions
