// HostFile: an open regular file of a host volume. What it may do was decided when it was opened
// (host_folder.h says how); every change of its size is charged before it is made.
//
// Thread-safe. The kernel keeps no position for it: every transfer says where.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "capability/file_system.h"
#include "capability/host_folder.h"
#include "capability/host_quota.h"
#include "capability/host_state.h"

namespace godwit::capability {

class HostFile final : public File {
 public:
  struct Rights {
    Access access = Access::kRead;  // of the folder that it came from
    bool read = false;
    bool write = false;
    bool writable_descriptor = false;  // also without `write`: it was truncated when opened
    Sync sync = Sync::kNone;
  };

  HostFile(std::shared_ptr<HostState> state, HostPin pin, const Rights& rights)
      : state_(std::move(state)), pin_(std::move(pin)), rights_(rights) {}

  FileResult<std::size_t> read(std::uint64_t offset, MutableByteSpan out,
                               Patience patience) override;
  FileResult<std::size_t> write(std::uint64_t offset, ByteSpan bytes, Patience patience) override;
  FileResult<Appended> append(ByteSpan bytes, Patience patience) override;
  FileResult<NodeInfo> info(Patience patience) override;
  FileResult<void> resize(std::uint64_t size, Patience patience) override;
  FileResult<void> allocate(std::uint64_t offset, std::uint64_t size, Patience patience) override;
  FileResult<void> set_times(const TimesChange& times, Patience patience) override;
  FileResult<void> sync(Sync what, Patience patience) override;
  FileResult<void> advise(std::uint64_t offset, std::uint64_t size, Advice advice,
                          Patience patience) override;
  bool closing_may_block() const override;

  // To nothing, whatever the rights: for truncation when it is opened. Blocks.
  FileResult<void> truncate();

 private:
  struct Transfer;
  class Growth;
  FileResult<std::unique_lock<std::mutex>> lock_growth(Patience patience);
  FileResult<void> may_write(Patience patience) const;
  FileResult<Appended> write_locked(const Transfer& transfer);
  FileResult<Appended> transfer_bytes(const Transfer& transfer);
  FileResult<void> set_size(std::uint64_t size);

  const std::shared_ptr<HostState> state_;
  const HostPin pin_;
  const Rights rights_;
};

// Sets the times of the node behind a descriptor, which may be an O_PATH.
FileResult<void> set_times_of_node(int fd, const TimesChange& times);

}  // namespace godwit::capability
