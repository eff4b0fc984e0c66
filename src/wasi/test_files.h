// For tests of the functions on files: a host that was handed folders in memory, by default under
// "/work" (descriptor 3); optionally each operation "blocks", so that it takes the way over the
// other thread (which is ManualBlocking: it happens when the call is repeated).
//
//   FileHost host(Speed::kBlocks);
//   Fd file = host.open("a.txt", {.create = true, .write = true});
//   EXPECT_EQ(host.path("path_unlink_file", "a.txt"), Errno::kSuccess);
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capability/memory_file_system.h"
#include "wasi/test_host.h"

namespace godwit::wasi {

enum class Speed : std::uint8_t { kAtOnce, kBlocks };

// Everything would block; a thread that may wait gets the answer of the file behind.
class SlowFile final : public capability::File {
 public:
  using Patience = capability::Patience;
  template <class T>
  using FileResult = capability::FileResult<T>;
  explicit SlowFile(std::shared_ptr<capability::File> file) : file_(std::move(file)) {}

  FileResult<std::size_t> read(std::uint64_t offset, MutableByteSpan out, Patience p) override {
    return slow<std::size_t>(p, [&] { return file_->read(offset, out, p); });
  }
  FileResult<std::size_t> write(std::uint64_t offset, ByteSpan bytes, Patience p) override {
    return slow<std::size_t>(p, [&] { return file_->write(offset, bytes, p); });
  }
  FileResult<Appended> append(ByteSpan bytes, Patience p) override {
    return slow<Appended>(p, [&] { return file_->append(bytes, p); });
  }
  FileResult<capability::NodeInfo> info(Patience p) override {
    return slow<capability::NodeInfo>(p, [&] { return file_->info(p); });
  }
  FileResult<void> resize(std::uint64_t size, Patience p) override {
    return slow<void>(p, [&] { return file_->resize(size, p); });
  }
  FileResult<void> allocate(std::uint64_t offset, std::uint64_t size, Patience p) override {
    return slow<void>(p, [&] { return file_->allocate(offset, size, p); });
  }
  FileResult<void> set_times(const capability::TimesChange& times, Patience p) override {
    return slow<void>(p, [&] { return file_->set_times(times, p); });
  }
  FileResult<void> sync(capability::Sync what, Patience p) override {
    return slow<void>(p, [&] { return file_->sync(what, p); });
  }
  FileResult<void> advise(std::uint64_t offset, std::uint64_t size, capability::Advice advice,
                          Patience p) override {
    return slow<void>(p, [&] { return file_->advise(offset, size, advice, p); });
  }
  bool closing_may_block() const override { return true; }

  template <class T, class Work>
  static FileResult<T> slow(Patience patience, const Work& work) {
    if (patience == Patience::kNone) return capability::file_error(capability::kWouldBlock);
    return work();
  }

 private:
  std::shared_ptr<capability::File> file_;
};

class SlowFolder final : public capability::Folder {
 public:
  using Patience = capability::Patience;
  template <class T>
  using FileResult = capability::FileResult<T>;
  explicit SlowFolder(std::shared_ptr<capability::Folder> folder) : folder_(std::move(folder)) {}

  FileResult<capability::Opened> open(std::string_view path, const capability::OpenOptions& options,
                                      Patience p) override {
    return SlowFile::slow<capability::Opened>(p, [&]() -> FileResult<capability::Opened> {
      auto opened = folder_->open(path, options, p);
      if (!opened) return opened;
      if (opened->file != nullptr) opened->file = std::make_shared<SlowFile>(opened->file);
      if (opened->folder != nullptr) opened->folder = std::make_shared<SlowFolder>(opened->folder);
      return opened;
    });
  }
  FileResult<capability::NodeInfo> info(Patience p) override {
    return SlowFile::slow<capability::NodeInfo>(p, [&] { return folder_->info(p); });
  }
  FileResult<capability::NodeInfo> info_of(std::string_view path, capability::Follow follow,
                                           Patience p) override {
    return SlowFile::slow<capability::NodeInfo>(p,
                                                [&] { return folder_->info_of(path, follow, p); });
  }
  FileResult<void> set_times(const capability::TimesChange& times, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->set_times(times, p); });
  }
  FileResult<void> set_times_of(std::string_view path, capability::Follow follow,
                                const capability::TimesChange& times, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->set_times_of(path, follow, times, p); });
  }
  FileResult<std::vector<capability::FolderEntry>> list(std::uint64_t position,
                                                        std::size_t bytes_max,
                                                        Patience p) override {
    return SlowFile::slow<std::vector<capability::FolderEntry>>(
        p, [&] { return folder_->list(position, bytes_max, p); });
  }
  FileResult<void> make_folder(std::string_view path, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->make_folder(path, p); });
  }
  FileResult<void> remove_folder(std::string_view path, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->remove_folder(path, p); });
  }
  FileResult<void> remove_file(std::string_view path, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->remove_file(path, p); });
  }
  FileResult<void> rename(std::string_view path, capability::Folder& to, std::string_view to_path,
                          Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->rename(path, behind(to), to_path, p); });
  }
  FileResult<void> link(std::string_view path, capability::Folder& to, std::string_view to_path,
                        Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->link(path, behind(to), to_path, p); });
  }
  FileResult<void> symlink(std::string_view target, std::string_view path, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->symlink(target, path, p); });
  }
  FileResult<std::string> read_link(std::string_view path, Patience p) override {
    return SlowFile::slow<std::string>(p, [&] { return folder_->read_link(path, p); });
  }
  FileResult<void> sync(capability::Sync what, Patience p) override {
    return SlowFile::slow<void>(p, [&] { return folder_->sync(what, p); });
  }

 private:
  static capability::Folder& behind(capability::Folder& folder) {
    return *dynamic_cast<SlowFolder&>(folder).folder_;
  }

  std::shared_ptr<capability::Folder> folder_;
};

// The same folder each time, and how often it was asked for.
class OneFolder final : public capability::FolderSource {
 public:
  explicit OneFolder(std::shared_ptr<capability::Folder> folder) : folder_(std::move(folder)) {}
  std::shared_ptr<capability::Folder> root() override {
    ++touched;
    return folder_;
  }
  int touched = 0;

 private:
  std::shared_ptr<capability::Folder> folder_;
};

class FileHost {
 public:
  static constexpr std::uint32_t kFolder = 3;
  static constexpr std::uint64_t kPath = 0x100;
  static constexpr std::uint64_t kOtherPath = 0x2000;
  static constexpr std::uint64_t kResult = 0x40;
  static constexpr std::uint64_t kIovec = 0x50;
  static constexpr std::uint64_t kData = 0x4000;
  static constexpr std::uint64_t kReadWrite = right::kFdRead | right::kFdWrite;

  explicit FileHost(Speed speed = Speed::kAtOnce, std::vector<std::string> names = {"/work"},
                    capability::MemoryLimits limits = {std::uint64_t{1} << 20, 1000})
      : file_system(capability::MemoryFileSystem::create(limits, nullptr)) {
    auto root = file_system->root();
    if (speed == Speed::kBlocks) root = std::make_shared<SlowFolder>(root);
    source = std::make_shared<OneFolder>(root);
    std::vector<capability::FileGrant> grants;
    for (std::string& name : names) grants.push_back({std::move(name), source});
    host.emplace(kMemoryBytes, StringList(), StringList(), Devices::kNone, std::move(grants));
  }

  // Calls, and lets happen what it waits for.
  Errno call(std::string_view name, std::initializer_list<std::uint64_t> arguments) {
    const std::vector<std::uint64_t> values(arguments);
    if (host->start(name, arguments) == engine::HostStatus::kPending) {
      for (const engine::HostFunction& function : preview1_functions()) {
        if (function.name != name) continue;
        EXPECT_EQ(host->finish(function, values), engine::HostStatus::kDone) << name;
      }
    }
    return static_cast<Errno>(host->result);
  }

  struct How {
    bool create = false;
    bool exclusive = false;
    bool truncate = false;
    bool folder = false;
    bool follow = true;
    std::uint64_t rights = kReadWrite;
    std::uint16_t flags = 0;
  };
  Errno try_open(std::string_view path, const How& how, std::uint32_t folder = kFolder) {
    host->put_text(kPath, path);
    const std::uint64_t open_flags =
        (how.create ? kOpenCreate : 0U) | (how.exclusive ? kOpenExclusive : 0U) |
        (how.truncate ? kOpenTruncate : 0U) | (how.folder ? kOpenDirectory : 0U);
    return call("path_open", {folder, how.follow ? kLookupFollow : 0U, kPath, path.size(),
                              open_flags, how.rights, 0, how.flags, kResult});
  }
  // REQUIRES: it can be opened.
  std::uint32_t open(std::string_view path, const How& how, std::uint32_t folder = kFolder) {
    EXPECT_EQ(try_open(path, how, folder), Errno::kSuccess) << path;
    return host->get<std::uint32_t>(kResult);
  }
  // A function whose parameters are a descriptor and a path.
  Errno path(std::string_view name, std::string_view path, std::uint32_t folder = kFolder) {
    host->put_text(kPath, path);
    return call(name, {folder, kPath, path.size()});
  }
  Errno rename(std::string_view from, std::string_view to) {
    host->put_text(kPath, from);
    host->put_text(kOtherPath, to);
    return call("path_rename", {kFolder, kPath, from.size(), kFolder, kOtherPath, to.size()});
  }
  Errno symlink(std::string_view target, std::string_view path) {
    host->put_text(kPath, path);
    host->put_text(kOtherPath, target);
    return call("path_symlink", {kOtherPath, target.size(), kFolder, kPath, path.size()});
  }

  Errno write(std::uint32_t fd, std::string_view text) {
    host->put_text(kData, text);
    host->put(kIovec, Iovec{kData, static_cast<Size>(text.size())});
    return call("fd_write", {fd, kIovec, 1, kResult});
  }
  // REQUIRES: success.
  std::string read(std::uint32_t fd, std::size_t size) {
    host->put(kIovec, Iovec{kData, static_cast<Size>(size)});
    EXPECT_EQ(call("fd_read", {fd, kIovec, 1, kResult}), Errno::kSuccess);
    return host->text(kData, count());
  }
  std::uint32_t count() const { return host->get<std::uint32_t>(kResult); }
  void put_file(std::string_view path, std::string_view text) {
    const std::uint32_t fd = open(path, {.create = true, .truncate = true});
    EXPECT_EQ(write(fd, text), Errno::kSuccess);
    EXPECT_EQ(call("fd_close", {fd}), Errno::kSuccess);
  }
  std::string file_text(std::string_view path) {
    const std::uint32_t fd = open(path, {.rights = right::kFdRead});
    const std::string text = read(fd, 4096);
    EXPECT_EQ(call("fd_close", {fd}), Errno::kSuccess);
    return text;
  }

  static constexpr std::size_t kMemoryBytes = std::size_t{512} << 10;
  std::shared_ptr<capability::MemoryFileSystem> file_system;
  std::shared_ptr<OneFolder> source;
  std::optional<TestHost> host;
};

}  // namespace godwit::wasi
