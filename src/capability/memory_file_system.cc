#include "capability/memory_file_system.h"

#include <utility>

#include "capability/memory_file_system_handles.h"
#include "capability/memory_file_system_tree.h"

namespace godwit::capability {

std::shared_ptr<MemoryFileSystem> MemoryFileSystem::create(const MemoryLimits& limits,
                                                           std::shared_ptr<MemoryBudget> budget) {
  return std::shared_ptr<MemoryFileSystem>(
      new MemoryFileSystem(std::make_shared<MemoryTree>(limits, std::move(budget))));
}

std::shared_ptr<Folder> MemoryFileSystem::root() {
  const std::lock_guard lock(tree_->mutex());
  return std::make_shared<MemoryFolder>(tree_, tree_->root());
}

void MemoryFileSystem::set_limits(const MemoryLimits& limits) {
  const std::lock_guard lock(tree_->mutex());
  tree_->set_limits(limits);
}

std::uint64_t MemoryFileSystem::used_bytes() const {
  const std::lock_guard lock(tree_->mutex());
  return tree_->used_bytes();
}

std::uint64_t MemoryFileSystem::node_count() const {
  const std::lock_guard lock(tree_->mutex());
  return tree_->node_count();
}

}  // namespace godwit::capability
