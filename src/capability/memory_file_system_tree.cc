#include "capability/memory_file_system_tree.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "base/check.h"
#include "capability/clock.h"
#include "capability/random.h"

namespace godwit::capability {
namespace {

constexpr std::uint64_t kRootInode = 1;

// What a file system costs for a node and a name must cover what they take: the object, a tree
// node for each of the two orders (three pointers, a colour, the pair), and 16 bytes that the
// allocator adds to each block; a long name or target has a block of its own (16, and the zero).
constexpr std::uint64_t kBlockOverhead = 16;
constexpr std::uint64_t kMapNode = 4 * sizeof(void*);
static_assert(MemoryFileSystem::kNodeBytes >=
              std::max({sizeof(MemoryFileNode), sizeof(MemoryFolderNode), sizeof(MemoryLinkNode)}) +
                  2 * kBlockOverhead);
static_assert(MemoryFileSystem::kEntryBytes >=
              2 * (kMapNode + kBlockOverhead) + sizeof(MemoryEntries::ByName::value_type) +
                  sizeof(MemoryEntries::BySerial::value_type) + 2 * kBlockOverhead);

std::uint64_t entry_charge(std::string_view name) {
  return MemoryFileSystem::kEntryBytes + name.size();
}

std::uint64_t node_charge(MemoryNode& node) {
  std::uint64_t bytes = MemoryFileSystem::kNodeBytes;
  if (const MemoryLinkNode* const link = as_link(&node)) bytes += link->target.size();
  if (const MemoryFileNode* const file = as_file(&node)) {
    bytes += MemoryFileData::charge_of(file->data.size());
  }
  return bytes;
}

// The last steps of splitmix64: every bit of the result depends on every bit of `value`.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// Unique in this process, and tells a guest neither where something lies in memory nor how many
// file systems others have made: a count, enciphered (Even and Mansour) with keys of the process.
std::uint64_t next_device() {
  static const std::array<std::uint64_t, 2> keys = [] {
    std::array<std::uint64_t, 2> bytes{};
    SystemRandom().fill(std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }();
  static std::atomic<std::uint64_t> count{0};
  return mix(count.fetch_add(1, std::memory_order_relaxed) ^ keys[0]) ^ keys[1];
}

}  // namespace

NodeInfo memory_node_info(const MemoryNode& node, std::uint64_t device) {
  NodeInfo info{.device = device,
                .inode = node.inode,
                .kind = node.kind,
                .links = node.names,
                .accessed_ns = node.accessed_ns,
                .modified_ns = node.modified_ns,
                .changed_ns = node.changed_ns};
  switch (node.kind) {
    case NodeKind::kFile: info.size = static_cast<const MemoryFileNode&>(node).data.size(); break;
    case NodeKind::kLink: info.size = static_cast<const MemoryLinkNode&>(node).target.size(); break;
    case NodeKind::kFolder:
      // Its name, its own ".", and ".." of each folder in it: programs that walk count on it.
      if (node.names != 0) {
        info.links = 2 + static_cast<const MemoryFolderNode&>(node).subfolders;
      }
      break;
    case NodeKind::kOther: break;
  }
  return info;
}

MemoryTree::MemoryTree(const MemoryLimits& limits, std::shared_ptr<MemoryBudget> budget)
    : budget_(std::move(budget)),
      device_(next_device()),
      root_(new MemoryFolderNode(SystemClock().realtime_ns())) {
  set_limits(limits);
  root_->inode = kRootInode;
  root_->names = 1;
}

MemoryTree::~MemoryTree() {
  // A loop, not a recursion, whatever the guest has nested.
  std::vector<MemoryFolderNode*> pending{root_};
  std::uint64_t freed_bytes = 0;
  std::uint64_t freed_nodes = 0;
  while (!pending.empty()) {
    MemoryFolderNode* const folder = pending.back();
    pending.pop_back();
    for (const auto& [serial, name] : folder->entries.by_serial()) {
      MemoryNode* const node = name->second.node;
      freed_bytes += entry_charge(name->first);
      if (--node->names != 0) continue;
      CHECK(node->handles == 0, node->inode);
      freed_bytes += node_charge(*node);
      ++freed_nodes;
      if (MemoryFolderNode* const subfolder = as_folder(node)) {
        pending.push_back(subfolder);
      } else {
        delete node;
      }
    }
    delete folder;
  }
  CHECK(freed_bytes == used_bytes_ && freed_nodes == nodes_, freed_bytes, used_bytes_, freed_nodes,
        nodes_);
  release(used_bytes_);
}

void MemoryTree::set_limits(const MemoryLimits& limits) {
  limits_ = limits;
  // So that the size of a file, rounded up, and the sum of two sizes never overflow.
  limits_.bytes_max = std::min(limits_.bytes_max, std::uint64_t{1} << 62);
}

FileResult<void> MemoryTree::add_new(MemoryFolderNode& folder, std::string_view name,
                                     std::unique_ptr<MemoryNode> node, std::uint64_t now_ns) {
  if (!fits_depth(folder, *node)) return file_error(std::errc::filename_too_long);
  if (nodes_ >= limits_.nodes_max || !charge(node_charge(*node) + entry_charge(name))) {
    return file_error(std::errc::no_space_on_device);
  }
  ++nodes_;
  node->inode = next_inode_++;
  folder.entries.add(name, *node);
  attach(folder, *node.release());
  folder.touch_content(now_ns);
  return {};
}

FileResult<void> MemoryTree::add_name(MemoryFolderNode& folder, std::string_view name,
                                      MemoryNode& node, std::uint64_t now_ns) {
  if (!charge(entry_charge(name))) return file_error(std::errc::no_space_on_device);
  folder.entries.add(name, node);
  attach(folder, node);
  folder.touch_content(now_ns);
  node.changed_ns = now_ns;
  return {};
}

std::unique_ptr<MemoryNode> MemoryTree::remove_name(MemoryFolderNode& folder, std::string_view name,
                                                    std::uint64_t now_ns) {
  MemoryNode& node = *folder.entries.find(name)->node;
  folder.entries.remove(name);
  release(entry_charge(name));
  detach(folder, node);
  folder.touch_content(now_ns);
  node.changed_ns = now_ns;
  return settle(node);
}

FileResult<void> MemoryTree::move(const Move& move, std::uint64_t now_ns,
                                  std::unique_ptr<MemoryNode>& gone) {
  MemoryNode& node = *move.from.entries.find(move.name)->node;
  MemoryEntry* const target = move.to.entries.find(move.to_name);
  if (&move.from != &move.to && !fits_depth(move.to, node)) {
    return file_error(std::errc::filename_too_long);
  }
  // A new name may be longer than the old one; one that is replaced is there already.
  const std::uint64_t old_charge = entry_charge(move.name);
  const std::uint64_t new_charge = target == nullptr ? entry_charge(move.to_name) : 0;
  if (new_charge > old_charge && !charge(new_charge - old_charge)) {
    return file_error(std::errc::no_space_on_device);
  }
  if (old_charge > new_charge) release(old_charge - new_charge);

  detach(move.from, node);
  if (target != nullptr) {
    // The name stays where it is in the order of the folder: who lists it meets it once.
    MemoryNode& replaced = *std::exchange(target->node, &node);
    detach(move.to, replaced);
    replaced.changed_ns = now_ns;
    move.from.entries.remove(move.name);
    gone = settle(replaced);
  } else if (&move.from == &move.to) {
    move.from.entries.rename(move.name, move.to_name);
  } else {
    move.from.entries.remove(move.name);
    move.to.entries.add(move.to_name, node);
  }
  attach(move.to, node);
  move.from.touch_content(now_ns);
  move.to.touch_content(now_ns);
  node.changed_ns = now_ns;
  return {};
}

std::unique_ptr<MemoryNode> MemoryTree::let_go(MemoryNode& node) {
  --node.handles;
  return settle(node);
}

std::uint64_t MemoryTree::charge_write(const MemoryFileNode& file, std::uint64_t offset,
                                       std::uint64_t end) {
  if (end <= file.data.size()) return end;
  const std::uint64_t charged = MemoryFileData::charge_of(file.data.size());
  const std::uint64_t granted =
      charge_up_to(MemoryFileData::charge_of(end) - charged, MemoryFileData::kBlockBytes);
  const std::uint64_t fits = std::min(end, charged + granted);
  if (fits > offset) return fits;
  release(granted);
  return offset;
}

bool MemoryTree::charge_size(const MemoryFileNode& file, std::uint64_t size) {
  return charge(MemoryFileData::charge_of(size) - MemoryFileData::charge_of(file.data.size()));
}

void MemoryTree::shrink(MemoryFileNode& file, std::uint64_t size) {
  const std::uint64_t before = MemoryFileData::charge_of(file.data.size());
  file.data.resize(size);
  release(before - MemoryFileData::charge_of(size));
}

std::uint64_t MemoryTree::charge_up_to(std::uint64_t bytes, std::uint64_t unit) {
  if (bytes == 0) return 0;
  const std::uint64_t room = used_bytes_ < limits_.bytes_max ? limits_.bytes_max - used_bytes_ : 0;
  std::uint64_t granted = std::min(bytes, room / unit * unit);
  if (budget_ != nullptr && granted != 0) granted = budget_->charge_up_to(granted, unit);
  used_bytes_ += granted;
  return granted;
}

void MemoryTree::release(std::uint64_t bytes) {
  CHECK(bytes <= used_bytes_, bytes, used_bytes_);
  used_bytes_ -= bytes;
  if (budget_ != nullptr) budget_->release(bytes);
}

std::unique_ptr<MemoryNode> MemoryTree::settle(MemoryNode& node) {
  if (node.names != 0 || node.handles != 0) return nullptr;
  release(node_charge(node));
  --nodes_;
  return std::unique_ptr<MemoryNode>(&node);
}

bool MemoryTree::fits_depth(const MemoryFolderNode& folder, const MemoryNode& node) const {
  if (node.kind != NodeKind::kFolder) return true;
  int depth = 1 + static_cast<const MemoryFolderNode&>(node).height;
  for (const MemoryFolderNode* up = folder.parent; up != nullptr; up = up->parent) ++depth;
  return depth <= MemoryFileSystem::kMaxDepth;
}

void MemoryTree::attach(MemoryFolderNode& folder, MemoryNode& node) {
  ++node.names;
  MemoryFolderNode* below = as_folder(&node);
  if (below == nullptr) return;
  below->parent = &folder;
  ++folder.subfolders;
  for (MemoryFolderNode* up = &folder; up != nullptr && up->height <= below->height;
       up = up->parent) {
    up->height = below->height + 1;
    below = up;
  }
}

void MemoryTree::detach(MemoryFolderNode& folder, MemoryNode& node) {
  --node.names;
  MemoryFolderNode* const subfolder = as_folder(&node);
  if (subfolder == nullptr) return;
  subfolder->parent = nullptr;
  if (--folder.subfolders == 0) folder.height = 0;
}

}  // namespace godwit::capability
