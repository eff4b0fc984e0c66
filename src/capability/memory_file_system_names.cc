// MemoryFolder: making, removing and renaming. The order of the checks is that of Linux
// (fs/namei.c), so that a program finds the error that it knows.
#include <utility>

#include "capability/clock.h"
#include "capability/memory_file_system_handles.h"

namespace godwit::capability {
namespace {

using Kind = MemoryPlace::Kind;

bool is_folder(const MemoryNode& node) { return node.kind == NodeKind::kFolder; }

// Where something new is to stand. `what` is not a folder: then a slash behind the name is wrong.
FileResult<MemoryPlace> free_place(MemoryFolderNode& start, std::string_view path, NodeKind what) {
  auto place = MemoryWalker(start, path).walk();
  if (!place) return place;
  if (place->kind != Kind::kName || place->node != nullptr) {
    return file_error(std::errc::file_exists);
  }
  if (place->slash && what != NodeKind::kFolder) {
    return file_error(std::errc::no_such_file_or_directory);
  }
  return place;
}

// Does `folder` lie below `above`, or is it that itself?
bool lies_within(const MemoryFolderNode& folder, const MemoryNode& above) {
  for (const MemoryFolderNode* up = &folder; up != nullptr; up = up->parent) {
    if (up == &above) return true;
  }
  return false;
}

// May what stands at `from` be renamed to `to`? That both are the same node is not asked here.
std::errc judge_rename(const MemoryPlace& from, const MemoryPlace& to) {
  if (!is_folder(*from.node) && (from.slash || to.slash)) return std::errc::not_a_directory;
  if (is_folder(*from.node) && lies_within(*to.folder, *from.node)) {
    return std::errc::invalid_argument;
  }
  if (to.node == nullptr || to.node == from.node) return {};
  if (is_folder(*to.node) && lies_within(*from.folder, *to.node)) {
    return std::errc::directory_not_empty;
  }
  if (is_folder(*from.node) != is_folder(*to.node)) {
    return is_folder(*to.node) ? std::errc::is_a_directory : std::errc::not_a_directory;
  }
  if (MemoryFolderNode* const folder = as_folder(to.node);
      folder != nullptr && !folder->entries.empty()) {
    return std::errc::directory_not_empty;
  }
  return {};
}

}  // namespace

FileResult<void> MemoryFolder::make_folder(std::string_view path, Patience) {
  const std::lock_guard lock(tree_.mutex());
  const auto place = free_place(node_, path, NodeKind::kFolder);
  if (!place) return file_error(place.error());
  const std::uint64_t now_ns = SystemClock().realtime_ns();
  return tree_.add_new(*place->folder, place->name, std::make_unique<MemoryFolderNode>(now_ns),
                       now_ns);
}

FileResult<void> MemoryFolder::remove_folder(std::string_view path, Patience) {
  std::unique_ptr<MemoryNode> gone;
  const std::lock_guard lock(tree_.mutex());
  const auto place = MemoryWalker(node_, path).walk();
  if (!place) return file_error(place.error());
  if (place->kind == Kind::kSelf) return file_error(std::errc::invalid_argument);
  if (place->kind == Kind::kUp) return file_error(std::errc::directory_not_empty);
  if (place->node == nullptr) return file_error(std::errc::no_such_file_or_directory);
  MemoryFolderNode* const folder = as_folder(place->node);
  if (folder == nullptr) return file_error(std::errc::not_a_directory);
  if (!folder->entries.empty()) return file_error(std::errc::directory_not_empty);
  gone = tree_.remove_name(*place->folder, place->name, SystemClock().realtime_ns());
  return {};
}

FileResult<void> MemoryFolder::remove_file(std::string_view path, Patience) {
  std::unique_ptr<MemoryNode> gone;
  const std::lock_guard lock(tree_.mutex());
  const auto place = MemoryWalker(node_, path).walk();
  if (!place) return file_error(place.error());
  if (place->node == nullptr) return file_error(std::errc::no_such_file_or_directory);
  if (is_folder(*place->node)) return file_error(std::errc::is_a_directory);
  if (place->slash) return file_error(std::errc::not_a_directory);
  gone = tree_.remove_name(*place->folder, place->name, SystemClock().realtime_ns());
  return {};
}

FileResult<void> MemoryFolder::rename(std::string_view path, Folder& to, std::string_view to_path,
                                      Patience) {
  MemoryFolder* const other = sibling(to);
  if (other == nullptr) return file_error(std::errc::cross_device_link);
  std::unique_ptr<MemoryNode> gone;
  const std::lock_guard lock(tree_.mutex());
  auto source = MemoryWalker(node_, path).approach();
  if (!source) return file_error(source.error());
  auto target = MemoryWalker(other->node_, to_path).approach();
  if (!target) return file_error(target.error());
  if (source->kind != Kind::kName || target->kind != Kind::kName) {
    return file_error(std::errc::device_or_resource_busy);
  }
  if (auto looked = MemoryWalker::look_up(*source); !looked) return looked;
  if (source->node == nullptr) return file_error(std::errc::no_such_file_or_directory);
  if (auto looked = MemoryWalker::look_up(*target); !looked) return looked;
  if (const std::errc error = judge_rename(*source, *target); error != std::errc{}) {
    return file_error(error);
  }
  if (source->node == target->node) return {};
  return tree_.move({*source->folder, source->name, *target->folder, target->name},
                    SystemClock().realtime_ns(), gone);
}

FileResult<void> MemoryFolder::link(std::string_view path, Folder& to, std::string_view to_path,
                                    Patience) {
  MemoryFolder* const other = sibling(to);
  if (other == nullptr) return file_error(std::errc::cross_device_link);
  const std::lock_guard lock(tree_.mutex());
  const auto node = resolve_in_memory(node_, path, Follow::kNo);
  if (!node) return file_error(node.error());
  const auto place = free_place(other->node_, to_path, NodeKind::kFile);
  if (!place) return file_error(place.error());
  if (is_folder(**node)) return file_error(std::errc::operation_not_permitted);
  return tree_.add_name(*place->folder, place->name, **node, SystemClock().realtime_ns());
}

FileResult<void> MemoryFolder::symlink(std::string_view target, std::string_view path, Patience) {
  if (target.empty()) return file_error(std::errc::no_such_file_or_directory);
  if (target.size() > kMaxPathBytes) return file_error(std::errc::filename_too_long);
  if (target.front() == '/') return file_error(std::errc::operation_not_permitted);
  const std::lock_guard lock(tree_.mutex());
  const auto place = free_place(node_, path, NodeKind::kLink);
  if (!place) return file_error(place.error());
  const std::uint64_t now_ns = SystemClock().realtime_ns();
  return tree_.add_new(*place->folder, place->name,
                       std::make_unique<MemoryLinkNode>(target, now_ns), now_ns);
}

MemoryFolder* MemoryFolder::sibling(Folder& to) const {
  MemoryFolder* const folder = dynamic_cast<MemoryFolder*>(&to);
  return folder != nullptr && &folder->tree_ == &tree_ ? folder : nullptr;
}

}  // namespace godwit::capability
