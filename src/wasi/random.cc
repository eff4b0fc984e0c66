// random_get.
#include <algorithm>
#include <array>

#include <string.h>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {

Errno random_get(const Call& call, Pointer buffer, Size size) {
  // No short count can be returned, and the call cannot be interrupted.
  if (size > kMaxRandomBytes) return Errno::kInval;
  const auto slice = call.memory.slice(buffer.address, size);
  if (!slice) return Errno::kFault;
  std::array<std::byte, 4096> bounce;  // NOLINT: filled before it is read
  std::size_t used = 0;
  for (std::size_t done = 0; done < size;) {
    const MutableByteSpan piece = std::span(bounce).first(std::min(bounce.size(), size - done));
    call.host.random().fill(piece);
    done += slice->copy_from(piece, done);
    used = std::max(used, piece.size());
  }
  ::explicit_bzero(bounce.data(), used);
  return Errno::kSuccess;
}

}  // namespace godwit::wasi::functions
