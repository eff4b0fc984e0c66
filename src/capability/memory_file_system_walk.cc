#include "capability/memory_file_system_walk.h"

#include <algorithm>

namespace godwit::capability {
namespace {

std::errc judge_path(std::string_view path) {
  if (path.size() > kMaxPathBytes) return std::errc::filename_too_long;
  if (path.empty()) return std::errc::no_such_file_or_directory;
  if (path.front() == '/') return std::errc::operation_not_permitted;
  return {};
}

}  // namespace

MemoryWalker::MemoryWalker(MemoryFolderNode& start, std::string_view path)
    : start_(&start), at_(&start), error_(judge_path(path)) {
  left_[0] = path;
}

FileResult<MemoryPlace> MemoryWalker::walk() {
  auto place = approach();
  if (!place) return place;
  if (auto looked = look_up(*place); !looked) return file_error(looked.error());
  return place;
}

FileResult<MemoryPlace> MemoryWalker::approach() {
  if (error_ != std::errc{}) return file_error(error_);
  while (true) {
    const Step step = take_step();
    auto place = place_of(step);
    if (!place) return place;
    if (pieces_ == 0) {
      slash_ = slash_ || step.slash;
      place->slash = slash_;
      return place;
    }
    if (auto looked = look_up(*place); !looked) return file_error(looked.error());
    if (place->node == nullptr) return file_error(std::errc::no_such_file_or_directory);
    if (auto entered = enter(*place->node); !entered) return file_error(entered.error());
  }
}

FileResult<void> MemoryWalker::look_up(MemoryPlace& place) {
  if (place.kind != MemoryPlace::Kind::kName) return {};
  if (place.folder->removed()) return file_error(std::errc::no_such_file_or_directory);
  if (place.name.size() > kMaxNameBytes) return file_error(std::errc::filename_too_long);
  const MemoryEntry* const entry = place.folder->entries.find(place.name);
  place.node = entry == nullptr ? nullptr : entry->node;
  return {};
}

MemoryWalker::Step MemoryWalker::take_step() {
  std::string_view& piece = left_[static_cast<std::size_t>(pieces_ - 1)];
  const std::size_t end = std::min(piece.find('/'), piece.size());
  const Step step{piece.substr(0, end), end != piece.size()};
  piece.remove_prefix(std::min(piece.find_first_not_of('/', end), piece.size()));
  if (piece.empty()) --pieces_;
  return step;
}

FileResult<MemoryPlace> MemoryWalker::place_of(const Step& step) {
  if (step.name == ".") {
    return MemoryPlace{.kind = MemoryPlace::Kind::kSelf, .folder = at_, .node = at_};
  }
  if (step.name == "..") {
    if (at_ == start_) return file_error(std::errc::operation_not_permitted);
    return MemoryPlace{.kind = MemoryPlace::Kind::kUp, .folder = at_, .node = at_->parent};
  }
  return MemoryPlace{.folder = at_, .name = step.name};
}

FileResult<void> MemoryWalker::enter(MemoryNode& node) {
  if (const MemoryLinkNode* const link = as_link(&node)) return follow(*link);
  MemoryFolderNode* const folder = as_folder(&node);
  if (folder == nullptr) return file_error(std::errc::not_a_directory);
  at_ = folder;
  return {};
}

FileResult<void> MemoryWalker::follow(const MemoryLinkNode& link) {
  if (++followed_ > kMaxLinksFollowed) {
    return file_error(std::errc::too_many_symbolic_link_levels);
  }
  left_[static_cast<std::size_t>(pieces_++)] = link.target;
  return {};
}

FileResult<MemoryNode*> resolve_in_memory(MemoryFolderNode& start, std::string_view path,
                                          Follow follow) {
  MemoryWalker walker(start, path);
  while (true) {
    const auto place = walker.walk();
    if (!place) return file_error(place.error());
    if (place->node == nullptr) return file_error(std::errc::no_such_file_or_directory);
    const MemoryLinkNode* const link = as_link(place->node);
    if (link == nullptr || (follow == Follow::kNo && !place->slash)) {
      if (place->slash && as_folder(place->node) == nullptr) {
        return file_error(std::errc::not_a_directory);
      }
      return place->node;
    }
    if (auto followed = walker.follow(*link); !followed) return file_error(followed.error());
  }
}

}  // namespace godwit::capability
