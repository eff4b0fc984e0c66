// What a file system in memory consists of: nodes (files, folders, symbolic links) and the names
// that folders have for them. Values behind the mutex of their tree (memory_file_system_tree.h);
// they refer to each other by plain pointers, which the tree keeps valid.
//
//   MemoryEntry* const entry = folder.entries.find("a.txt");   // null: no such name
//   if (entry != nullptr && entry->node->kind == NodeKind::kFile) …
//
// Not thread-safe: the tree's mutex is held.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "capability/file_system.h"
#include "capability/memory_file_system_data.h"

namespace godwit::capability {

struct MemoryNode {
  MemoryNode(NodeKind node_kind, std::uint64_t now_ns)
      : kind(node_kind), accessed_ns(now_ns), modified_ns(now_ns), changed_ns(now_ns) {}
  MemoryNode(const MemoryNode&) = delete;
  MemoryNode& operator=(const MemoryNode&) = delete;
  virtual ~MemoryNode() = default;

  const NodeKind kind;
  std::uint64_t inode = 0;
  std::uint64_t names = 0;    // entries that refer to it (the root counts as having one)
  std::uint64_t handles = 0;  // open Files and Folders
  std::uint64_t accessed_ns;
  std::uint64_t modified_ns;
  std::uint64_t changed_ns;

  // What was written, or which names there are, changed.
  void touch_content(std::uint64_t now_ns) { modified_ns = changed_ns = now_ns; }
  // As Linux mounts by default (relatime): the time of access moves when the content changed since,
  // or once a day.
  void touch_access(std::uint64_t now_ns) {
    constexpr std::uint64_t kDayNs = 86'400'000'000'000;
    const bool old = now_ns > accessed_ns && now_ns - accessed_ns >= kDayNs;
    if (old || accessed_ns <= modified_ns || accessed_ns <= changed_ns) accessed_ns = now_ns;
  }
};

struct MemoryFileNode final : MemoryNode {
  explicit MemoryFileNode(std::uint64_t now_ns) : MemoryNode(NodeKind::kFile, now_ns) {}

  MemoryFileData data;
};

struct MemoryLinkNode final : MemoryNode {
  MemoryLinkNode(std::string_view link_target, std::uint64_t now_ns)
      : MemoryNode(NodeKind::kLink, now_ns), target(link_target) {}

  const std::string target;  // not empty, not absolute
};

struct MemoryEntry {
  MemoryNode* node;
  std::uint64_t serial;
};

// The names in one folder. Each gets a serial that only ever grows and stays while the name or the
// node behind it is replaced or renamed here: who lists the folder in steps meets it exactly once.
// Ordered trees, not hash tables: the names are a hostile guest's.
class MemoryEntries final {
 public:
  using ByName = std::map<std::string, MemoryEntry, std::less<>>;
  using BySerial = std::map<std::uint64_t, ByName::iterator>;

  // Serials below belong to "." and "..".
  static constexpr std::uint64_t kFirstSerial = 3;

  bool empty() const { return by_name_.empty(); }
  MemoryEntry* find(std::string_view name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second;
  }
  // REQUIRES: there is no such name.
  void add(std::string_view name, MemoryNode& node) {
    const auto added = by_name_.try_emplace(std::string(name), MemoryEntry{&node, next_serial_});
    by_serial_.emplace_hint(by_serial_.end(), next_serial_++, added.first);
  }
  // REQUIRES: there is such a name.
  void remove(std::string_view name) {
    const auto found = by_name_.find(name);
    by_serial_.erase(found->second.serial);
    by_name_.erase(found);
  }
  // REQUIRES: there is `from`, and no `to`.
  void rename(std::string_view from, std::string_view to) {
    auto taken = by_name_.extract(by_name_.find(from));
    taken.key() = std::string(to);
    const auto inserted = by_name_.insert(std::move(taken));
    by_serial_.find(inserted.position->second.serial)->second = inserted.position;
  }
  const BySerial& by_serial() const { return by_serial_; }

 private:
  ByName by_name_;
  BySerial by_serial_;
  std::uint64_t next_serial_ = kFirstSerial;
};

struct MemoryFolderNode final : MemoryNode {
  explicit MemoryFolderNode(std::uint64_t now_ns) : MemoryNode(NodeKind::kFolder, now_ns) {}

  MemoryEntries entries;
  MemoryFolderNode* parent = nullptr;  // of the root and of removed folders: null
  std::uint64_t subfolders = 0;
  // At least the number of folders on the longest way down; exact as long as nothing was removed.
  int height = 0;

  // A removed folder is empty and nothing can be made in it.
  bool removed() const { return names == 0; }
};

// Null when it is another kind of node.
inline MemoryFileNode* as_file(MemoryNode* node) {
  return node->kind == NodeKind::kFile ? static_cast<MemoryFileNode*>(node) : nullptr;
}
inline MemoryFolderNode* as_folder(MemoryNode* node) {
  return node->kind == NodeKind::kFolder ? static_cast<MemoryFolderNode*>(node) : nullptr;
}
inline MemoryLinkNode* as_link(MemoryNode* node) {
  return node->kind == NodeKind::kLink ? static_cast<MemoryLinkNode*>(node) : nullptr;
}

// What stands at a node for the one who asks.
NodeInfo memory_node_info(const MemoryNode& node, std::uint64_t device);
// As utimensat(2): the time of change becomes now in any case.
void change_memory_times(MemoryNode& node, const TimesChange& times);

}  // namespace godwit::capability
