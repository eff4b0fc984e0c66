// HostState: what all folders and files of one HostVolume share: its rights, its quota, and what is
// known of its file system.
//
//   const std::shared_ptr<HostState> state = …;                 // from HostVolume::open
//   auto node = open_beneath(state->base(folder_fd, patience), path, O_PATH);
//   auto pin = state->pin(std::move(*node));
//   const std::scoped_lock names(state->names);                 // before a name comes or goes
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "capability/host_folder.h"
#include "capability/host_quota.h"
#include "capability/host_resolve.h"

namespace godwit::capability {

struct HostTraits {
  // A file system of this machine's kernel alone, whose metadata in memory can be asked for without
  // waiting for somebody else.
  bool local = false;
  // The most that a file may grow to; beyond the process's own limit (RLIMIT_FSIZE) the kernel
  // would send SIGXFSZ.
  std::uint64_t file_bytes_max = 0;
};
FileResult<HostTraits> host_traits(int folder);

class HostState final {
 public:
  HostState(const HostVolumeOptions& options, const HostTraits& traits, const HostUsage& counted);
  HostState(const HostState&) = delete;
  HostState& operator=(const HostState&) = delete;

  bool writable() const { return writable_; }
  // May anything be asked with Patience::kNone?
  bool local() const { return traits_.local; }
  // A file can't be larger, whatever is free: file_too_large.
  std::uint64_t file_bytes_max() const;
  HandleBudget* handles() const { return handles_.get(); }
  HostBase base(int folder, Patience patience) const { return {folder, handles(), patience}; }

  // Takes a descriptor of a file or link into the table of inodes.
  FileResult<HostPin> pin(HostHandle handle);
  std::size_t pinned() const { return inodes_.size(); }

  Quota quota;
  // Held while a name is made, moved or taken away, and what stands there is looked at before and
  // after: so no two of our changes mix. Never held by a call with Patience::kNone.
  std::mutex names;
  // What the file system has shown that it can't do without waiting (preadv2, pwritev2: NOWAIT).
  std::atomic<bool> reads_without_waiting{true};
  std::atomic<bool> writes_without_waiting{true};

 private:
  const bool writable_;
  const HostTraits traits_;
  const std::shared_ptr<HandleBudget> handles_;
  InodeTable inodes_;
};

// What a guest sees of a node. The device is a number that says nothing about the host.
NodeInfo node_info(const struct stat& info);

}  // namespace godwit::capability
