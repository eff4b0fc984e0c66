#include "capability/host_quota.h"

#include <algorithm>

#include "base/check.h"

namespace godwit::capability {

std::uint64_t QuotaCounter::take(std::uint64_t wanted, std::uint64_t least) {
  if (!bounded() || wanted == 0) return wanted;
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  std::uint64_t granted = 0;
  do {
    granted = std::min(wanted, used < max_ ? max_ - used : 0);
    if (granted < least) return 0;
  } while (!used_.compare_exchange_weak(used, used + granted, std::memory_order_relaxed));
  return granted;
}

void QuotaCounter::give_back(std::uint64_t amount) {
  if (!bounded() || amount == 0) return;
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  while (!used_.compare_exchange_weak(used, used - std::min(used, amount),
                                      std::memory_order_relaxed)) {
  }
}

std::size_t InodeTable::size() const {
  const std::scoped_lock lock(mutex_);
  return inodes_.size();
}

HostInode* InodeTable::pin(const Key& key) {
  const std::scoped_lock lock(mutex_);
  HostInode& inode = inodes_[key];
  ++inode.pins_;
  return &inode;
}

bool InodeTable::unpin(const Key& key, HostInode* inode) {
  const std::scoped_lock lock(mutex_);
  CHECK(inode->pins_ != 0);
  if (--inode->pins_ != 0) return false;
  const bool orphaned = inode->orphaned.load(std::memory_order_relaxed);
  inodes_.erase(key);
  return orphaned;
}

HostPin::HostPin(InodeTable& table, HostHandle handle, const struct stat& info)
    : table_(&table),
      key_(info.st_dev, info.st_ino),
      inode_(table.pin(key_)),
      handle_(std::move(handle)) {}

HostPin::~HostPin() {
  if (inode_ == nullptr) return;
  // Out of the table before the descriptor is closed: once it is, the inode's number may be a new
  // file's. And charged until it is closed: only then is the room free.
  if (!table_->unpin(key_, inode_)) return;
  const auto info = stat_of(handle_.get());
  handle_.reset();
  if (info) table_->quota_.bytes.give_back(static_cast<std::uint64_t>(info->st_size));
  table_->quota_.files.give_back(1);
}

}  // namespace godwit::capability
