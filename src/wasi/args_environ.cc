// args_get, args_sizes_get, environ_get, environ_sizes_get.
#include <array>
#include <cstring>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi::functions {
namespace {

// Writes the address of every string of a block that starts at `block_address`.
void store_addresses(const engine::GuestSlice& pointers, ByteSpan block,
                     std::uint32_t block_address) {
  std::array<std::uint32_t, 64> batch{};
  std::size_t stored = 0;
  std::size_t filled = 0;
  const auto flush = [&] {
    pointers.copy_from(std::as_bytes(std::span(batch)).first(filled * 4), stored * 4);
    stored += filled;
    filled = 0;
  };
  for (std::size_t begin = 0; begin < block.size();) {
    batch[filled++] = block_address + static_cast<std::uint32_t>(begin);
    if (filled == batch.size()) flush();
    const void* const nul = std::memchr(block.data() + begin, 0, block.size() - begin);
    begin = static_cast<std::size_t>(static_cast<const std::byte*>(nul) - block.data()) + 1;
  }
  flush();
}

Errno get(const Call& call, const StringList& list, Pointer pointers, Pointer buffer) {
  const auto pointer_array = call.memory.slice(pointers.address, list.count() * 4);
  const auto block = call.memory.slice(buffer.address, list.block().size());
  if (!pointer_array || !block) return Errno::kFault;
  block->copy_from(list.block());
  store_addresses(*pointer_array, list.block(), buffer.address);
  return Errno::kSuccess;
}

Errno sizes_get(const Call& call, const StringList& list, Out<Size> count, Out<Size> buffer_size) {
  if (!count.fits(call) || !buffer_size.fits(call)) return Errno::kFault;
  (void)count.store(call, static_cast<Size>(list.count()));
  return buffer_size.store(call, static_cast<Size>(list.block().size()));
}

}  // namespace

Errno args_get(const Call& call, Pointer argv, Pointer argv_buffer) {
  return get(call, call.host.arguments(), argv, argv_buffer);
}

Errno args_sizes_get(const Call& call, Out<Size> count, Out<Size> buffer_size) {
  return sizes_get(call, call.host.arguments(), count, buffer_size);
}

Errno environ_get(const Call& call, Pointer environ, Pointer environ_buffer) {
  return get(call, call.host.environment(), environ, environ_buffer);
}

Errno environ_sizes_get(const Call& call, Out<Size> count, Out<Size> buffer_size) {
  return sizes_get(call, call.host.environment(), count, buffer_size);
}

}  // namespace godwit::wasi::functions
