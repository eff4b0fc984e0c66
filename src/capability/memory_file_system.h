// MemoryFileSystem: files and folders in memory, for a tmpfs: private to one invocation, or kept as
// the cache of a function. Bounded in bytes and in nodes, whatever a guest does.
//
//   auto files = MemoryFileSystem::create({.bytes_max = 16 << 20, .nodes_max = 4096}, budget);
//   auto root = files->root();
//   auto opened = root->open("a.txt", {.write = true, .create = true}, Patience::kNone);
//   opened->file->write(0, as_bytes("hello"), Patience::kNone);
//   files->used_bytes();                                  // 4096 and what the node and name cost
//
// What is charged: the size of every file rounded up to blocks of 4 KiB (a hole as well, although
// it takes no memory), kNodeBytes a node, kEntryBytes a name, and the bytes of names and of links'
// targets. A file that was removed stays charged while it is open. Real memory is at most what is
// charged and about 1 % (tables of blocks, the allocator's own), plus one small object per open
// handle. The root is free, so an empty file system uses 0 bytes and 0 nodes.
//
// Beyond a limit: no_space_on_device; a write takes what still fits. A file larger than bytes_max
// is file_too_large. Folders nest kMaxDepth deep; deeper is filename_too_long.
//
// Thread-safe: one mutex, held for one operation, within which nothing blocks and nobody is called
// back. Every open File and Folder keeps the whole alive; with the last of them and of this object
// all is freed at once, without recursion. Nothing here ever is kWouldBlock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "capability/file_system.h"
#include "capability/memory_budget.h"

namespace godwit::capability {

class MemoryTree;

struct MemoryLimits {
  std::uint64_t bytes_max = 0;
  std::uint64_t nodes_max = 0;  // files, folders and symbolic links; the root is not counted
};

class MemoryFileSystem final {
 public:
  static constexpr std::uint64_t kBlockBytes = 4096;
  static constexpr std::uint64_t kNodeBytes = 256;
  static constexpr std::uint64_t kEntryBytes = 192;
  static constexpr int kMaxDepth = 256;

  // Cheap: about 0.2 µs. `budget` (may be null) is charged with the same bytes as this one.
  static std::shared_ptr<MemoryFileSystem> create(const MemoryLimits& limits,
                                                  std::shared_ptr<MemoryBudget> budget);
  MemoryFileSystem(const MemoryFileSystem&) = delete;
  MemoryFileSystem& operator=(const MemoryFileSystem&) = delete;

  std::shared_ptr<Folder> root();
  // Below what is used: nothing is taken away, and nothing more is granted.
  void set_limits(const MemoryLimits& limits);
  std::uint64_t used_bytes() const;
  std::uint64_t node_count() const;

 private:
  explicit MemoryFileSystem(std::shared_ptr<MemoryTree> tree) : tree_(std::move(tree)) {}

  std::shared_ptr<MemoryTree> tree_;
};

}  // namespace godwit::capability
