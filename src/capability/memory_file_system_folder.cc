// MemoryFolder: opening, asking and listing. What changes names is in memory_file_system_names.cc.
#include <algorithm>
#include <utility>

#include "capability/clock.h"
#include "capability/memory_file_system_handles.h"

namespace godwit::capability {
namespace {

// What an entry takes in a guest's buffer beside its name (preview 1: dirent).
constexpr std::size_t kEntryRecordBytes = 24;
constexpr std::uint64_t kSelfPosition = 1;
constexpr std::uint64_t kUpPosition = 2;
static_assert(kUpPosition < MemoryEntries::kFirstSerial);

// Collects entries until they take enough room; the first always fits.
class Listing final {
 public:
  explicit Listing(std::size_t bytes_max)
      : bytes_left_(std::min(bytes_max, MemoryFolder::kMaxListBytes)) {}

  bool add(std::string_view name, const MemoryNode& node, std::uint64_t position) {
    const std::size_t bytes = kEntryRecordBytes + name.size();
    if (!entries_.empty() && bytes > bytes_left_) return false;
    bytes_left_ -= std::min(bytes, bytes_left_);
    entries_.push_back({std::string(name), node.inode, node.kind, position});
    return true;
  }
  std::vector<FolderEntry> take() { return std::move(entries_); }

 private:
  std::size_t bytes_left_;
  std::vector<FolderEntry> entries_;
};

}  // namespace

FileResult<Opened> MemoryFolder::open(std::string_view path, const OpenOptions& options, Patience) {
  if (options.create && options.folder) return file_error(std::errc::invalid_argument);
  const std::lock_guard lock(tree_.mutex());
  MemoryWalker walker(node_, path);
  while (true) {
    auto place = walker.approach();
    if (!place) return file_error(place.error());
    const bool creates = options.create && place->kind == MemoryPlace::Kind::kName;
    if (creates && place->slash) return file_error(std::errc::is_a_directory);
    if (auto looked = walker.look_up(*place); !looked) return file_error(looked.error());
    if (place->node == nullptr) {
      if (creates) return open_new(*place, options);
      return file_error(std::errc::no_such_file_or_directory);
    }
    if (options.create && options.exclusive) return file_error(std::errc::file_exists);
    const MemoryLinkNode* const link = as_link(place->node);
    if (link == nullptr || (options.follow == Follow::kNo && !place->slash)) {
      return open_existing(*place, options);
    }
    if (auto followed = walker.follow(*link); !followed) return file_error(followed.error());
  }
}

FileResult<Opened> MemoryFolder::open_existing(const MemoryPlace& place,
                                               const OpenOptions& options) {
  if (MemoryFolderNode* const folder = as_folder(place.node)) {
    if (options.write || options.create || options.truncate) {
      return file_error(std::errc::is_a_directory);
    }
    return Opened{.folder = std::make_shared<MemoryFolder>(hold_.tree(), *folder)};
  }
  if (options.folder || place.slash) return file_error(std::errc::not_a_directory);
  MemoryFileNode* const file = as_file(place.node);
  if (file == nullptr) return file_error(std::errc::too_many_symbolic_link_levels);
  if (options.truncate) {
    tree_.shrink(*file, 0);
    file->touch_content(SystemClock().realtime_ns());
  }
  return Opened{.file = std::make_shared<MemoryFile>(
                    hold_.tree(), *file, MemoryFile::Access{options.read, options.write})};
}

FileResult<Opened> MemoryFolder::open_new(const MemoryPlace& place, const OpenOptions& options) {
  const std::uint64_t now_ns = SystemClock().realtime_ns();
  auto node = std::make_unique<MemoryFileNode>(now_ns);
  MemoryFileNode& file = *node;
  if (auto added = tree_.add_new(*place.folder, place.name, std::move(node), now_ns); !added) {
    return file_error(added.error());
  }
  return Opened{.file = std::make_shared<MemoryFile>(
                    hold_.tree(), file, MemoryFile::Access{options.read, options.write})};
}

FileResult<NodeInfo> MemoryFolder::info(Patience) {
  const std::lock_guard lock(tree_.mutex());
  return memory_node_info(node_, tree_.device());
}

FileResult<NodeInfo> MemoryFolder::info_of(std::string_view path, Follow follow, Patience) {
  const std::lock_guard lock(tree_.mutex());
  const auto node = resolve_in_memory(node_, path, follow);
  if (!node) return file_error(node.error());
  return memory_node_info(**node, tree_.device());
}

FileResult<void> MemoryFolder::set_times(const TimesChange& times, Patience) {
  const std::lock_guard lock(tree_.mutex());
  change_memory_times(node_, times);
  return {};
}

FileResult<void> MemoryFolder::set_times_of(std::string_view path, Follow follow,
                                            const TimesChange& times, Patience) {
  const std::lock_guard lock(tree_.mutex());
  const auto node = resolve_in_memory(node_, path, follow);
  if (!node) return file_error(node.error());
  change_memory_times(**node, times);
  return {};
}

FileResult<std::vector<FolderEntry>> MemoryFolder::list(std::uint64_t position,
                                                        std::size_t bytes_max, Patience) {
  const std::lock_guard lock(tree_.mutex());
  Listing listing(bytes_max);
  if (node_.removed()) return listing.take();
  node_.touch_access(SystemClock().realtime_ns());
  if (position < kSelfPosition && !listing.add(".", node_, kSelfPosition)) return listing.take();
  // The parent's number is nobody's business: the folder may be all that was granted.
  if (position < kUpPosition && !listing.add("..", node_, kUpPosition)) return listing.take();
  const auto& names = node_.entries.by_serial();
  for (auto next = names.upper_bound(position); next != names.end(); ++next) {
    const auto& [name, entry] = *next->second;
    if (!listing.add(name, *entry.node, entry.serial)) break;
  }
  return listing.take();
}

FileResult<std::string> MemoryFolder::read_link(std::string_view path, Patience) {
  const std::lock_guard lock(tree_.mutex());
  const auto node = resolve_in_memory(node_, path, Follow::kNo);
  if (!node) return file_error(node.error());
  const MemoryLinkNode* const link = as_link(*node);
  if (link == nullptr) return file_error(std::errc::invalid_argument);
  (*node)->touch_access(SystemClock().realtime_ns());
  return link->target;
}

}  // namespace godwit::capability
