// What a writable volume of the host is charged with, and who has which of its files open.
//
//   Quota quota(bytes_max, files_max, counted);
//   const std::uint64_t granted = quota.bytes.take(wanted);    // before the file grows
//   quota.bytes.give_back(granted - used);
//
//   InodeTable table(quota);
//   HostPin pin(table, std::move(handle), stat);               // an open file, or one to be
//   removed pin.inode()->orphaned = true;                              // its last name is gone
//
// The rule that keeps the count exact: whoever opens a file or takes a name away holds a pin of its
// inode meanwhile. When the last name goes, the inode is marked; who lets go of the last pin gives
// the bytes back. So a file that is unlinked but open stays charged, whoever has it open.
//
// Thread-safe; no lock is held during a system call but fstat on a descriptor.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include <sys/stat.h>

#include "capability/host_folder.h"
#include "capability/host_resolve.h"

namespace godwit::capability {

// One bounded number. Concurrent takers never have more than `max` together.
class QuotaCounter final {
 public:
  QuotaCounter(std::uint64_t max, std::uint64_t used) : max_(max), used_(used) {}

  // Takes `wanted`, or what is left of it; 0 and nothing when that is less than `least`.
  std::uint64_t take(std::uint64_t wanted, std::uint64_t least = 1);
  bool take_all(std::uint64_t wanted) { return take(wanted, wanted) == wanted; }
  // More than is taken (others changed the folder meanwhile): down to 0.
  void give_back(std::uint64_t amount);

  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t max() const { return max_; }
  bool bounded() const { return max_ != kNoQuota; }

 private:
  const std::uint64_t max_;  // kNoQuota: nothing is counted
  std::atomic<std::uint64_t> used_;
};

struct Quota {
  Quota(std::uint64_t bytes_max, std::uint64_t files_max, const HostUsage& counted)
      : bytes(bytes_max, counted.bytes), files(files_max, counted.files) {}
  QuotaCounter bytes;
  QuotaCounter files;
};

// A file (or symbolic link) that somebody has open or is about to remove.
class HostInode final {
 public:
  std::mutex growth;  // held while its size changes, so that the growth is known exactly
  std::atomic<bool> orphaned{false};  // no name is left; its bytes and its file are still charged

 private:
  friend class InodeTable;
  std::uint64_t pins_ = 0;  // guarded by the table
};

class InodeTable final {
 public:
  explicit InodeTable(Quota& quota) : quota_(quota) {}
  InodeTable(const InodeTable&) = delete;
  InodeTable& operator=(const InodeTable&) = delete;

  std::size_t size() const;

 private:
  friend class HostPin;
  using Key = std::pair<dev_t, ino_t>;

  HostInode* pin(const Key& key);
  // Was it the last pin of an orphan?
  bool unpin(const Key& key, HostInode* inode);

  Quota& quota_;
  mutable std::mutex mutex_;
  // As many as there are open handles of them. Its nodes don't move.
  std::map<Key, HostInode> inodes_;
};

// A descriptor of a file, and its inode's place in the table of a writable volume.
class HostPin final {
 public:
  HostPin() = default;
  // Not in any table: a file of a volume that is read-only.
  explicit HostPin(HostHandle handle) : handle_(std::move(handle)) {}
  HostPin(InodeTable& table, HostHandle handle, const struct stat& info);
  HostPin(HostPin&& other) noexcept { swap(other); }
  HostPin& operator=(HostPin&& other) noexcept {
    swap(other);
    return *this;
  }
  HostPin(const HostPin&) = delete;
  HostPin& operator=(const HostPin&) = delete;
  ~HostPin();

  int fd() const { return handle_.get(); }
  bool valid() const { return handle_.valid(); }
  HostInode* inode() const { return inode_; }  // null: in no table
  bool is(const struct stat& info) const {
    return key_ == InodeTable::Key(info.st_dev, info.st_ino);
  }

 private:
  void swap(HostPin& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(key_, other.key_);
    std::swap(inode_, other.inode_);
    std::swap(handle_, other.handle_);
  }

  InodeTable* table_ = nullptr;
  InodeTable::Key key_;
  HostInode* inode_ = nullptr;
  HostHandle handle_;
};

}  // namespace godwit::capability
