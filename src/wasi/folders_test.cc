// fd_readdir, and the functions on open files and folders that move no bytes.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "wasi/test_files.h"

namespace godwit::wasi {
namespace {

constexpr std::uint32_t kFolder = FileHost::kFolder;
constexpr std::uint64_t kResult = FileHost::kResult;
constexpr std::uint64_t kBuffer = 0x8000;

class Folders : public testing::TestWithParam<Speed> {
 protected:
  struct Entry {
    std::string name;
    Dirent dirent;
  };
  // What one call puts into a buffer of that size; an entry that was cut is left out.
  std::vector<Entry> list(std::size_t size, std::uint64_t cookie) {
    EXPECT_EQ(files_.call("fd_readdir", {kFolder, kBuffer, size, cookie, kResult}),
              Errno::kSuccess);
    used_ = files_.count();
    std::vector<Entry> entries;
    for (std::size_t at = 0; at + sizeof(Dirent) <= used_;) {
      const auto dirent = files_.host->get<Dirent>(kBuffer + at);
      at += sizeof(Dirent);
      if (at + dirent.name_size > used_) break;
      entries.push_back({files_.host->text(kBuffer + at, dirent.name_size), dirent});
      at += dirent.name_size;
    }
    return entries;
  }
  FileHost files_{GetParam()};
  std::size_t used_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Speeds, Folders, testing::Values(Speed::kAtOnce, Speed::kBlocks));

TEST_P(Folders, AnEmptyFolderHoldsItselfAndItsParent) {
  const auto entries = list(4096, 0);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, ".");
  EXPECT_EQ(entries[1].name, "..");
  EXPECT_EQ(entries[0].dirent.type, FileType::kDirectory);
  EXPECT_EQ(files_.call("fd_filestat_get", {kFolder, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<FileStat>(kResult).inode, entries[0].dirent.inode);
  EXPECT_LT(used_, 4096U) << "not full: the end";
}

TEST_P(Folders, EveryBufferSizeFindsEveryEntryOnce) {
  std::set<std::string> expected = {".", ".."};
  for (int i = 0; i < 40; ++i) {
    const std::string name =
        std::string(static_cast<std::size_t>(1 + i % 60), 'n') + std::to_string(i);
    files_.put_file(name, "");
    expected.insert(name);
  }
  for (const std::size_t size : {100, 101, 128, 200, 1000, 5000, 100'000}) {
    std::set<std::string> found;
    std::uint64_t cookie = 0;
    for (int calls = 0; calls < 1000; ++calls) {
      const auto entries = list(size, cookie);
      for (const Entry& entry : entries) {
        EXPECT_TRUE(found.insert(entry.name).second) << entry.name << " twice";
        cookie = entry.dirent.next;
      }
      if (used_ < size) break;
      ASSERT_FALSE(entries.empty()) << size;
    }
    EXPECT_EQ(found, expected) << size;
  }
}

TEST_P(Folders, KindsAreTold) {
  files_.put_file("file", "");
  EXPECT_EQ(files_.path("path_create_directory", "folder"), Errno::kSuccess);
  EXPECT_EQ(files_.symlink("file", "link"), Errno::kSuccess);
  std::map<std::string, FileType> kinds;
  for (const Entry& entry : list(4096, 0)) kinds[entry.name] = entry.dirent.type;
  EXPECT_EQ(kinds["file"], FileType::kRegularFile);
  EXPECT_EQ(kinds["folder"], FileType::kDirectory);
  EXPECT_EQ(kinds["link"], FileType::kSymbolicLink);
}

TEST_P(Folders, HostileArguments) {
  const auto readdir = [&](std::uint64_t buffer, std::uint64_t size, std::uint64_t cookie,
                           std::uint64_t used) {
    return files_.call("fd_readdir", {kFolder, buffer, size, cookie, used});
  };
  EXPECT_EQ(readdir(FileHost::kMemoryBytes - 10, 11, 0, kResult), Errno::kFault);
  EXPECT_EQ(readdir(kBuffer, 100, 0, FileHost::kMemoryBytes - 3), Errno::kFault);
  EXPECT_EQ(readdir(kBuffer, 0, 0, kResult), Errno::kSuccess);
  EXPECT_EQ(files_.count(), 0U);
  EXPECT_EQ(readdir(kBuffer, 5, 0, kResult), Errno::kSuccess);
  EXPECT_EQ(files_.count(), 5U);
  for (const std::uint64_t cookie : {77ULL, 1ULL << 63, ~0ULL}) {
    const Errno error = readdir(kBuffer, 100, cookie, kResult);
    EXPECT_TRUE(error == Errno::kSuccess || error == Errno::kInval) << cookie;
  }
  const std::uint32_t file = files_.open("a", {.create = true});
  EXPECT_EQ(files_.call("fd_readdir", {file, kBuffer, 100, 0, kResult}), Errno::kNotdir);
}

// --- Files --------------------------------------------------------------------------------------

TEST_P(Folders, SeekKnowsItsThreeOrigins) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  EXPECT_EQ(files_.write(fd, "0123456789"), Errno::kSuccess);
  const auto seek = [&](std::int64_t offset, std::uint64_t whence) {
    return files_.call("fd_seek", {fd, static_cast<std::uint64_t>(offset), whence, kResult});
  };
  const auto position = [&] { return files_.host->get<std::uint64_t>(kResult); };
  EXPECT_EQ(seek(-3, 2), Errno::kSuccess);
  EXPECT_EQ(position(), 7U);
  EXPECT_EQ(seek(-2, 1), Errno::kSuccess);
  EXPECT_EQ(position(), 5U);
  EXPECT_EQ(seek(100, 0), Errno::kSuccess);
  EXPECT_EQ(position(), 100U);
  EXPECT_EQ(seek(-1, 0), Errno::kInval);
  EXPECT_EQ(seek(-101, 1), Errno::kInval);
  EXPECT_EQ(seek(INT64_MAX, 1), Errno::kInval);
  EXPECT_EQ(seek(INT64_MIN, 2), Errno::kInval);
  EXPECT_EQ(seek(0, 3), Errno::kInval);
  EXPECT_EQ(files_.call("fd_tell", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(position(), 100U) << "a failed seek moves nothing";
  EXPECT_EQ(files_.call("fd_seek", {kFolder, 0, 0, kResult}), Errno::kBadf);
}

TEST_P(Folders, SizesAndSpace) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  EXPECT_EQ(files_.write(fd, "0123456789"), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_filestat_set_size", {fd, 4}), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_allocate", {fd, 2, 6}), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_filestat_get", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<FileStat>(kResult).size, 8U);
  EXPECT_EQ(files_.file_text("a"), std::string("0123\0\0\0\0", 8));
  EXPECT_EQ(files_.call("fd_filestat_set_size", {fd, 1ULL << 63}), Errno::kInval);
  EXPECT_EQ(files_.call("fd_allocate", {fd, 1, INT64_MAX}), Errno::kFbig);
  EXPECT_EQ(files_.call("fd_allocate", {fd, 0, 0}), Errno::kInval);
  const std::uint32_t reader = files_.open("a", {.rights = right::kFdRead});
  EXPECT_EQ(files_.call("fd_filestat_set_size", {reader, 1}), Errno::kInval);
  EXPECT_EQ(files_.call("fd_allocate", {reader, 0, 1}), Errno::kBadf);
  EXPECT_EQ(files_.call("fd_filestat_set_size", {kFolder, 1}), Errno::kBadf);
}

TEST_P(Folders, SyncAndAdviceAndTimes) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  EXPECT_EQ(files_.call("fd_sync", {fd}), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_datasync", {fd}), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_sync", {kFolder}), Errno::kSuccess);
  for (std::uint64_t advice = 0; advice <= 5; ++advice) {
    EXPECT_EQ(files_.call("fd_advise", {fd, 0, 10, advice}), Errno::kSuccess) << advice;
  }
  EXPECT_EQ(files_.call("fd_advise", {fd, 0, 10, 6}), Errno::kInval);
  EXPECT_EQ(files_.call("fd_advise", {fd, 1, ~0ULL, 0}), Errno::kInval);
  EXPECT_EQ(files_.call("fd_advise", {kFolder, 0, 10, 0}), Errno::kBadf);
  EXPECT_EQ(files_.call("fd_filestat_set_times", {fd, 5, 6, kSetAtime | kSetMtime}),
            Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_filestat_get", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<FileStat>(kResult).modified, 6U);
  EXPECT_EQ(files_.call("fd_filestat_set_times", {kFolder, 5, 6, kSetMtime}), Errno::kSuccess);
}

TEST_P(Folders, FlagsOfFiles) {
  const std::uint32_t fd = files_.open("a", {.create = true, .flags = kFdSync});
  EXPECT_EQ(files_.call("fd_fdstat_get", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<FdStat>(kResult).flags, kFdSync);
  EXPECT_EQ(files_.host->get<FdStat>(kResult).filetype, FileType::kRegularFile);
  EXPECT_EQ(files_.call("fd_fdstat_set_flags", {fd, kFdSync | kFdAppend | kFdNonblock}),
            Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_fdstat_set_flags", {fd, kFdAppend}), Errno::kInval)
      << "how it synchronises is settled when it is opened";
}

TEST_P(Folders, FilesAreAlwaysReady) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  Subscription subscription{};
  subscription.userdata = 7;
  subscription.type = EventType::kFdRead;
  subscription.clock_or_fd = fd;
  files_.host->put(0x100, subscription);
  EXPECT_EQ(files_.call("poll_oneoff", {0x100, 0x200, 1, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<Event>(0x200).error, Errno::kSuccess);
  subscription.clock_or_fd = kFolder;
  files_.host->put(0x100, subscription);
  EXPECT_EQ(files_.call("poll_oneoff", {0x100, 0x200, 1, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<Event>(0x200).error, Errno::kBadf);
}

}  // namespace
}  // namespace godwit::wasi
