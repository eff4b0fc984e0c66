// fd_read and fd_write where the descriptor is a file. Internal to src/wasi; see file_io.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wasi/call.h"
#include "wasi/iovec_list.h"
#include "wasi/preview1.h"

namespace godwit::wasi {

// `at`: where; nothing: at the descriptor's position, which moves. `progress`: how far the call
// had come when it was suspended. The list was checked, and `count` fits.
Answer read_file(const Call& call, Descriptor& descriptor, const IovecList& list,
                 std::optional<std::uint64_t> at, std::size_t progress, Out<Size> count);
Answer write_file(const Call& call, Descriptor& descriptor, const IovecList& list,
                  std::optional<std::uint64_t> at, std::size_t progress, Out<Size> count);

}  // namespace godwit::wasi
