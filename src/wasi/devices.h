// The folder of devices: /dev with the streams that the guest has anyway, for programs that insist
// on file names (`-o /dev/stdout`). Internal to src/wasi.
#pragma once

#include <string_view>

#include "wasi/call.h"
#include "wasi/preview1.h"

namespace godwit::wasi {

inline constexpr std::string_view kDeviceFolderName = "/dev";

// path_open and path_filestat_get where the descriptor is that folder.
Errno open_device(const Call& call, Pointer path, Size path_size, std::uint32_t open_flags,
                  std::uint32_t fd_flags, Out<Fd> opened);
template <class Stat>
Errno device_filestat_get(const Call& call, Pointer path, Size path_size, Out<Stat> stat);

}  // namespace godwit::wasi
