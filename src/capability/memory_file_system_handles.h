// MemoryFile and MemoryFolder: what is open in a file system in memory. The rules of POSIX, as
// Linux has them, over the books that MemoryTree keeps.
//
//   const std::lock_guard lock(tree->mutex());
//   auto folder = std::make_shared<MemoryFolder>(tree, tree->root());
//
// Thread-safe. Made under the tree's mutex, let go without it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capability/file_system.h"
#include "capability/memory_file_system_tree.h"
#include "capability/memory_file_system_walk.h"

namespace godwit::capability {

// Keeps a node, and the tree that it is in.
class MemoryHold final {
 public:
  // REQUIRES: the mutex is held.
  MemoryHold(std::shared_ptr<MemoryTree> tree, MemoryNode& node)
      : tree_(std::move(tree)), node_(node) {
    tree_->hold(node_);
  }
  MemoryHold(const MemoryHold&) = delete;
  MemoryHold& operator=(const MemoryHold&) = delete;
  // REQUIRES: the mutex is not held.
  ~MemoryHold();

  const std::shared_ptr<MemoryTree>& tree() const { return tree_; }

 private:
  const std::shared_ptr<MemoryTree> tree_;
  MemoryNode& node_;
};

class MemoryFile final : public File {
 public:
  struct Access {
    bool read;
    bool write;
  };
  MemoryFile(std::shared_ptr<MemoryTree> tree, MemoryFileNode& node, Access access)
      : hold_(std::move(tree), node), tree_(*hold_.tree()), node_(node), access_(access) {}

  FileResult<std::size_t> read(std::uint64_t offset, MutableByteSpan out, Patience) override;
  FileResult<std::size_t> write(std::uint64_t offset, ByteSpan bytes, Patience) override;
  FileResult<Appended> append(ByteSpan bytes, Patience) override;
  FileResult<NodeInfo> info(Patience) override;
  FileResult<void> resize(std::uint64_t size, Patience) override;
  FileResult<void> allocate(std::uint64_t offset, std::uint64_t size, Patience) override;
  FileResult<void> set_times(const TimesChange& times, Patience) override;
  FileResult<void> sync(Sync, Patience) override { return {}; }
  FileResult<void> advise(std::uint64_t, std::uint64_t, Advice, Patience) override { return {}; }
  bool closing_may_block() const override { return false; }

 private:
  FileResult<std::size_t> write_locked(std::uint64_t offset, ByteSpan bytes);
  FileResult<void> grow_locked(std::uint64_t size);
  std::uint64_t size_max() const;

  const MemoryHold hold_;
  MemoryTree& tree_;
  MemoryFileNode& node_;
  const Access access_;
};

class MemoryFolder final : public Folder {
 public:
  MemoryFolder(std::shared_ptr<MemoryTree> tree, MemoryFolderNode& node)
      : hold_(std::move(tree), node), tree_(*hold_.tree()), node_(node) {}

  FileResult<Opened> open(std::string_view path, const OpenOptions& options, Patience) override;
  FileResult<NodeInfo> info(Patience) override;
  FileResult<NodeInfo> info_of(std::string_view path, Follow follow, Patience) override;
  FileResult<void> set_times(const TimesChange& times, Patience) override;
  FileResult<void> set_times_of(std::string_view path, Follow follow, const TimesChange& times,
                                Patience) override;
  FileResult<std::vector<FolderEntry>> list(std::uint64_t position, std::size_t bytes_max,
                                            Patience) override;
  FileResult<void> make_folder(std::string_view path, Patience) override;
  FileResult<void> remove_folder(std::string_view path, Patience) override;
  FileResult<void> remove_file(std::string_view path, Patience) override;
  FileResult<void> rename(std::string_view path, Folder& to, std::string_view to_path,
                          Patience) override;
  FileResult<void> link(std::string_view path, Folder& to, std::string_view to_path,
                        Patience) override;
  FileResult<void> symlink(std::string_view target, std::string_view path, Patience) override;
  FileResult<std::string> read_link(std::string_view path, Patience) override;
  FileResult<void> sync(Sync, Patience) override { return {}; }

  // A call of list() returns at most about this much, whatever is asked: it holds the mutex.
  static constexpr std::size_t kMaxListBytes = std::size_t{64} << 10;

 private:
  FileResult<Opened> open_existing(const MemoryPlace& place, const OpenOptions& options);
  FileResult<Opened> open_new(const MemoryPlace& place, const OpenOptions& options);
  // `to` as one of this file system's folders, else null.
  MemoryFolder* sibling(Folder& to) const;

  const MemoryHold hold_;
  MemoryTree& tree_;
  MemoryFolderNode& node_;
};

}  // namespace godwit::capability
