// Counting what a folder of the host holds, once, before it is handed out with a quota.
//
//   auto usage = count_folder(root_fd, {.bytes_max = 1 << 30, .files_max = 1000});
//   if (usage && usage->bytes > bytes_max) …          // over: it stopped there
//
// Never follows a link, never leaves the mount, holds two descriptors however deep the folders are.
// Its memory is bounded by files_max names. Blocks. Folders that may not be read are counted as one
// name: what can't be listed by this process has not been written by it.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "capability/host_folder.h"

namespace godwit::capability {

struct CountLimits {
  std::uint64_t bytes_max = kNoQuota;
  std::uint64_t files_max = kNoQuota;
};

// Errors: kVolumeUnusable (it could not be read, or folders were moved meanwhile).
Result<HostUsage> count_folder(int folder, const CountLimits& limits);

}  // namespace godwit::capability
