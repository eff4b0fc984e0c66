#include "capability/host_count.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include "capability/host_listing.h"
#include "capability/host_resolve.h"

namespace godwit::capability {
namespace {

using NodeKey = std::pair<dev_t, ino_t>;

NodeKey key_of(const struct stat& info) { return {info.st_dev, info.st_ino}; }

// A guest may have nested folders deeper than there are descriptors, or stack. So the walk stands
// in one folder at a time, keeps the names still to visit on each level, and goes up by "..", where
// it checks that it came back to where it was.
class Walk final {
 public:
  explicit Walk(const CountLimits& limits) : limits_(limits) {}

  FileResult<HostUsage> run(int folder) {
    auto start = open_beneath({.folder = folder}, ".", O_RDONLY | O_DIRECTORY);
    if (!start) return file_error(start.error());
    here_ = std::move(*start);
    if (const auto read = enter(); !read) return file_error(read.error());
    while (!over()) {
      Level& level = levels_.back();
      if (level.folders.empty()) {
        levels_.pop_back();
        if (levels_.empty()) break;
        if (const auto up = go_up(); !up) return file_error(up.error());
        continue;
      }
      const std::string name = std::move(level.folders.back());
      level.folders.pop_back();
      if (const auto down = go_down(name); !down) return file_error(down.error());
    }
    return usage_;
  }

 private:
  struct Level {
    NodeKey key;
    std::vector<std::string> folders;
  };

  bool over() const { return usage_.bytes > limits_.bytes_max || usage_.files > limits_.files_max; }

  // Counts what stands in the folder that it has come to.
  FileResult<void> enter() {
    const auto self = stat_of(here_.get());
    if (!self) return file_error(self.error());
    Level level{.key = key_of(*self), .folders = {}};
    HostListing listing(here_.get());
    while (!over()) {
      const auto entry = listing.next();
      if (!entry) return file_error(entry.error());
      if (*entry == nullptr) break;
      const std::string_view name = (*entry)->name;
      if (name == "." || name == "..") continue;
      count(std::string(name), level);
    }
    levels_.push_back(std::move(level));
    return {};
  }

  void count(std::string name, Level& level) {
    struct stat info{};
    // One component, from the kernel's own listing, and not followed.
    if (::fstatat(here_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
      return;  // it has gone meanwhile
    }
    ++usage_.files;
    if (S_ISDIR(info.st_mode)) {
      level.folders.push_back(std::move(name));
    } else if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) {
      if (info.st_nlink > 1 && !linked_.insert(key_of(info)).second) return;
      usage_.bytes += static_cast<std::uint64_t>(info.st_size);
    }
  }

  FileResult<void> go_down(const std::string& name) {
    auto folder = open_beneath({.folder = here_.get()}, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder) {
      switch (folder.error()) {
        case std::errc::no_such_file_or_directory:
        case std::errc::not_a_directory:
        case std::errc::too_many_symbolic_link_levels:
        case std::errc::permission_denied:        // not ours to read
        case std::errc::operation_not_permitted:  // another mount
          return {};
        default: return file_error(folder.error());
      }
    }
    here_ = std::move(*folder);
    return enter();
  }

  FileResult<void> go_up() {
    Fd parent(::openat(here_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!parent.valid()) return file_error(errc_of(errno));
    const auto info = stat_of(parent.get());
    if (!info) return file_error(info.error());
    if (key_of(*info) != levels_.back().key) {
      return file_error(std::errc::device_or_resource_busy);
    }
    auto handle = HostHandle::reserve(nullptr);
    if (!handle) return file_error(handle.error());
    handle->put(std::move(parent));
    here_ = std::move(*handle);
    return {};
  }

  const CountLimits limits_;
  HostUsage usage_;
  HostHandle here_;
  std::vector<Level> levels_;  // the last is where it stands
  std::set<NodeKey> linked_;   // of files with several names: counted already
};

}  // namespace

Result<HostUsage> count_folder(int folder, const CountLimits& limits) {
  const auto usage = Walk(limits).run(folder);
  if (usage) return *usage;
  if (usage.error() == std::errc::device_or_resource_busy) {
    return fail(ErrorCode::kVolumeUnusable, "its folders were moved while it was counted");
  }
  return fail(ErrorCode::kVolumeUnusable,
              fmt::format("it can't be counted: {}", errno_text(static_cast<int>(usage.error()))));
}

}  // namespace godwit::capability
