// MemoryTree: the nodes of one file system in memory, what they cost, and when they go. It owns
// every node: a node lives while a name or an open handle refers to it. Rules of POSIX are not in
// here but in memory_file_system_handles.cc; this keeps the books.
//
//   std::unique_ptr<MemoryNode> gone;                 // freed behind the lock
//   const std::lock_guard lock(tree.mutex());
//   if (auto made = tree.add_new(folder, "a", std::make_unique<MemoryFileNode>(now)); !made) …
//   gone = tree.remove_name(folder, "a", now);
//
// Everything but its end needs the mutex. Charges are made before the memory is taken and are
// exact: what was charged for a node or name is computed again from it when it goes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "capability/file_system.h"
#include "capability/memory_file_system.h"
#include "capability/memory_file_system_nodes.h"

namespace godwit::capability {

class MemoryTree final {
 public:
  MemoryTree(const MemoryLimits& limits, std::shared_ptr<MemoryBudget> budget);
  MemoryTree(const MemoryTree&) = delete;
  MemoryTree& operator=(const MemoryTree&) = delete;
  ~MemoryTree();  // nobody holds a handle by now

  std::mutex& mutex() const { return mutex_; }

  MemoryFolderNode& root() { return *root_; }
  std::uint64_t device() const { return device_; }
  std::uint64_t used_bytes() const { return used_bytes_; }
  std::uint64_t node_count() const { return nodes_; }
  std::uint64_t file_size_max() const { return limits_.bytes_max; }
  void set_limits(const MemoryLimits& limits);

  // A new node under a new name; a folder must fit into the depth.
  // Errors: no_space_on_device, filename_too_long. REQUIRES: the name is free.
  FileResult<void> add_new(MemoryFolderNode& folder, std::string_view name,
                           std::unique_ptr<MemoryNode> node, std::uint64_t now_ns);
  // One more name for a file or link. Errors: no_space_on_device. REQUIRES: the name is free.
  FileResult<void> add_name(MemoryFolderNode& folder, std::string_view name, MemoryNode& node,
                            std::uint64_t now_ns);
  // Returns the node when nothing refers to it any more. REQUIRES: there is such a name; a folder
  // behind it is empty.
  std::unique_ptr<MemoryNode> remove_name(MemoryFolderNode& folder, std::string_view name,
                                          std::uint64_t now_ns);

  struct Move {
    MemoryFolderNode& from;
    std::string_view name;
    MemoryFolderNode& to;
    std::string_view to_name;
  };
  // What was replaced is returned like remove_name() does, through `gone`.
  // Errors: no_space_on_device, filename_too_long (too deep). REQUIRES: what stands at the two
  // places may be renamed to one another, and isn't the same node.
  FileResult<void> move(const Move& move, std::uint64_t now_ns, std::unique_ptr<MemoryNode>& gone);

  void hold(MemoryNode& node) { ++node.handles; }
  // As remove_name(): returns the node when this was the last reference.
  std::unique_ptr<MemoryNode> let_go(MemoryNode& node);

  // Charges for a write that makes the file reach to `end`; when that does not fit, for as much as
  // does. Returns where the write ends, which is `offset` when nothing fits.
  // The caller writes that much at once. REQUIRES: offset < end.
  std::uint64_t charge_write(const MemoryFileNode& file, std::uint64_t offset, std::uint64_t end);
  // All or nothing; the caller sets the size at once. REQUIRES: the file does not become smaller.
  bool charge_size(const MemoryFileNode& file, std::uint64_t size);
  // The file becomes smaller.
  void shrink(MemoryFileNode& file, std::uint64_t size);

 private:
  std::uint64_t charge_up_to(std::uint64_t bytes, std::uint64_t unit);
  bool charge(std::uint64_t bytes) { return charge_up_to(bytes, bytes) == bytes; }
  void release(std::uint64_t bytes);
  std::unique_ptr<MemoryNode> settle(MemoryNode& node);
  bool fits_depth(const MemoryFolderNode& folder, const MemoryNode& node) const;
  void attach(MemoryFolderNode& folder, MemoryNode& node);
  void detach(MemoryFolderNode& folder, MemoryNode& node);

  mutable std::mutex mutex_;
  MemoryLimits limits_;
  const std::shared_ptr<MemoryBudget> budget_;  // may be null
  const std::uint64_t device_;
  MemoryFolderNode* const root_;
  std::uint64_t used_bytes_ = 0;
  std::uint64_t nodes_ = 0;  // without the root
  std::uint64_t next_inode_ = 2;
};

}  // namespace godwit::capability
