// path_*: what stands between a guest's bytes and a folder; what the folders themselves do is
// tested where they are.
#include <string>

#include <gtest/gtest.h>

#include "wasi/test_files.h"

namespace godwit::wasi {
namespace {

constexpr std::uint32_t kFolder = FileHost::kFolder;
constexpr std::uint64_t kPath = FileHost::kPath;
constexpr std::uint64_t kResult = FileHost::kResult;

class Paths : public testing::TestWithParam<Speed> {
 protected:
  FileStat stat_of(std::string_view path, std::uint32_t lookup = 0) {
    files_.host->put_text(kPath, path);
    EXPECT_EQ(files_.call("path_filestat_get", {kFolder, lookup, kPath, path.size(), kResult}),
              Errno::kSuccess)
        << path;
    return files_.host->get<FileStat>(kResult);
  }
  FileHost files_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Speeds, Paths, testing::Values(Speed::kAtOnce, Speed::kBlocks));

TEST_P(Paths, FoldersAreMadeAndRemoved) {
  EXPECT_EQ(files_.path("path_create_directory", "d"), Errno::kSuccess);
  EXPECT_EQ(files_.path("path_create_directory", "d"), Errno::kExist);
  EXPECT_EQ(files_.path("path_create_directory", "no/d"), Errno::kNoent);
  files_.put_file("d/a", "x");
  EXPECT_EQ(files_.path("path_remove_directory", "d"), Errno::kNotempty);
  EXPECT_EQ(files_.path("path_remove_directory", "d/a"), Errno::kNotdir);
  EXPECT_EQ(files_.path("path_unlink_file", "d"), Errno::kIsdir);
  EXPECT_EQ(files_.path("path_unlink_file", "d/a"), Errno::kSuccess);
  EXPECT_EQ(files_.path("path_unlink_file", "d/a"), Errno::kNoent);
  EXPECT_EQ(files_.path("path_remove_directory", "d"), Errno::kSuccess);
}

TEST_P(Paths, OpenSaysWhatPosixSays) {
  files_.put_file("a", "x");
  EXPECT_EQ(files_.path("path_create_directory", "d"), Errno::kSuccess);
  EXPECT_EQ(files_.try_open("b", {}), Errno::kNoent);
  EXPECT_EQ(files_.try_open("a", {.create = true, .exclusive = true}), Errno::kExist);
  EXPECT_EQ(files_.try_open("a", {.folder = true}), Errno::kNotdir);
  EXPECT_EQ(files_.try_open("d", {}), Errno::kIsdir);
  EXPECT_EQ(files_.try_open("d", {.create = true, .folder = true}), Errno::kInval);
  EXPECT_EQ(files_.try_open("", {}), Errno::kNoent);
  EXPECT_EQ(files_.try_open(std::string(4096, 'a'), {}), Errno::kNametoolong);
  EXPECT_EQ(files_.try_open(std::string("a\0b", 3), {}), Errno::kInval);
  EXPECT_EQ(files_.try_open("\xFF", {}), Errno::kIlseq);
}

TEST_P(Paths, NothingLeadsOut) {
  EXPECT_EQ(files_.path("path_create_directory", "d"), Errno::kSuccess);
  for (const char* const path : {"..", "../x", "d/../../x", "/", "/etc/passwd", "./../x", "//x"}) {
    EXPECT_EQ(files_.try_open(path, {.create = true}), Errno::kPerm) << path;
    EXPECT_EQ(files_.path("path_create_directory", path), Errno::kPerm) << path;
    EXPECT_NE(files_.path("path_unlink_file", path), Errno::kSuccess) << path;
  }
  EXPECT_EQ(files_.symlink("/etc/passwd", "absolute"), Errno::kPerm);
  EXPECT_EQ(files_.symlink("../outside", "relative"), Errno::kSuccess);
  EXPECT_EQ(files_.try_open("relative", {}), Errno::kPerm);
}

TEST_P(Paths, LinksAreFollowedWhenAsked) {
  files_.put_file("a", "text");
  EXPECT_EQ(files_.symlink("a", "s"), Errno::kSuccess);
  EXPECT_EQ(files_.file_text("s"), "text");
  EXPECT_EQ(files_.try_open("s", {.follow = false}), Errno::kLoop);
  EXPECT_EQ(stat_of("s").filetype, FileType::kSymbolicLink);
  EXPECT_EQ(stat_of("s", kLookupFollow).filetype, FileType::kRegularFile);
  EXPECT_EQ(stat_of("s", kLookupFollow).inode, stat_of("a").inode);
}

TEST_P(Paths, ReadlinkCutsWhatDoesNotFit) {
  EXPECT_EQ(files_.symlink("target", "s"), Errno::kSuccess);
  files_.host->put_text(kPath, "s");
  EXPECT_EQ(files_.call("path_readlink", {kFolder, kPath, 1, 0x200, 100, kResult}),
            Errno::kSuccess);
  EXPECT_EQ(files_.host->text(0x200, files_.count()), "target");
  EXPECT_EQ(files_.call("path_readlink", {kFolder, kPath, 1, 0x300, 3, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->text(0x300, files_.count()), "tar");
  EXPECT_EQ(
      files_.call("path_readlink", {kFolder, kPath, 1, FileHost::kMemoryBytes - 1, 2, kResult}),
      Errno::kFault);
}

TEST_P(Paths, RenameAndHardLink) {
  files_.put_file("a", "text");
  EXPECT_EQ(files_.rename("a", "b"), Errno::kSuccess);
  EXPECT_EQ(files_.rename("a", "c"), Errno::kNoent);
  files_.host->put_text(kPath, "b");
  files_.host->put_text(FileHost::kOtherPath, "c");
  EXPECT_EQ(files_.call("path_link", {kFolder, 0, kPath, 1, kFolder, FileHost::kOtherPath, 1}),
            Errno::kSuccess);
  EXPECT_EQ(files_.call("path_link",
                        {kFolder, kLookupFollow, kPath, 1, kFolder, FileHost::kOtherPath, 1}),
            Errno::kInval);
  EXPECT_EQ(stat_of("c").link_count, 2U);
  EXPECT_EQ(files_.file_text("c"), "text");
}

TEST_P(Paths, TimesAreSet) {
  files_.put_file("a", "text");
  files_.host->put_text(kPath, "a");
  const auto set = [&](std::uint64_t flags) {
    return files_.call("path_filestat_set_times", {kFolder, 0, kPath, 1, 1000, 2000, flags});
  };
  EXPECT_EQ(set(kSetAtime | kSetMtime), Errno::kSuccess);
  EXPECT_EQ(stat_of("a").accessed, 1000U);
  EXPECT_EQ(stat_of("a").modified, 2000U);
  EXPECT_EQ(set(kSetMtimeNow), Errno::kSuccess);
  EXPECT_GT(stat_of("a").modified, 2000U);
  EXPECT_EQ(stat_of("a").accessed, 1000U);
  EXPECT_EQ(set(kSetAtime | kSetAtimeNow), Errno::kInval);
  EXPECT_EQ(set(16), Errno::kInval);
}

TEST_P(Paths, BelowAnOpenFolderItsOwnPathsCount) {
  EXPECT_EQ(files_.path("path_create_directory", "d"), Errno::kSuccess);
  files_.put_file("outside", "x");
  const std::uint32_t folder = files_.open("d", {.folder = true, .rights = 0});
  EXPECT_EQ(files_.try_open("a", {.create = true}, folder), Errno::kSuccess);
  EXPECT_EQ(files_.try_open("../outside", {}, folder), Errno::kPerm);
  EXPECT_EQ(files_.path("path_create_directory", "e", folder), Errno::kSuccess);
  EXPECT_EQ(stat_of("d/e").filetype, FileType::kDirectory);
}

TEST_P(Paths, AFileIsNoFolder) {
  files_.put_file("a", "x");
  const std::uint32_t file = files_.open("a", {});
  EXPECT_EQ(files_.try_open("x", {}, file), Errno::kNotdir);
  EXPECT_EQ(files_.path("path_unlink_file", "x", file), Errno::kNotdir);
  EXPECT_EQ(files_.path("path_unlink_file", "x", 99), Errno::kBadf);
}

// --- Rights -------------------------------------------------------------------------------------

TEST_P(Paths, RightsCanOnlyBeGivenUp) {
  files_.put_file("a", "x");
  const std::uint64_t kept = right::kPathOpen | right::kPathFilestatGet;
  EXPECT_EQ(files_.call("fd_fdstat_set_rights", {kFolder, kept, right::kFdRead}), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_fdstat_set_rights", {kFolder, right::kOfFolders, 0}),
            Errno::kNotcapable);
  EXPECT_EQ(files_.call("fd_fdstat_set_rights", {kFolder, kept, right::kFdWrite}),
            Errno::kNotcapable);
  EXPECT_EQ(files_.path("path_create_directory", "d"), Errno::kNotcapable);
  EXPECT_EQ(files_.path("path_unlink_file", "a"), Errno::kNotcapable);
  EXPECT_EQ(files_.try_open("new", {.create = true}), Errno::kNotcapable);
  EXPECT_EQ(files_.try_open("a", {.truncate = true}), Errno::kNotcapable);
  EXPECT_EQ(files_.try_open("a", {}), Errno::kNotcapable) << "writing is not inherited";
  const std::uint32_t file = files_.open("a", {.rights = right::kFdRead});
  EXPECT_EQ(files_.call("fd_fdstat_get", {file, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<FdStat>(kResult).rights_base, right::kFdRead);
  EXPECT_EQ(files_.call("fd_seek", {file, 0, 0, kResult}), Errno::kNotcapable);
}

// --- Grants -------------------------------------------------------------------------------------

TEST(PathGrants, AFolderIsAskedForWhenItIsFirstTouched) {
  FileHost files;
  EXPECT_EQ(files.call("fd_prestat_get", {kFolder, kResult}), Errno::kSuccess);
  EXPECT_EQ(files.host->get<Prestat>(kResult).name_size, 5U);
  EXPECT_EQ(files.call("fd_prestat_dir_name", {kFolder, 0x200, 5}), Errno::kSuccess);
  EXPECT_EQ(files.host->text(0x200, 5), "/work");
  EXPECT_EQ(files.call("fd_fdstat_get", {kFolder, kResult}), Errno::kSuccess);
  EXPECT_EQ(files.host->get<FdStat>(kResult).filetype, FileType::kDirectory);
  EXPECT_EQ(files.source->touched, 0);
  EXPECT_EQ(files.path("path_create_directory", "d"), Errno::kSuccess);
  EXPECT_EQ(files.path("path_create_directory", "e"), Errno::kSuccess);
  EXPECT_EQ(files.source->touched, 1);
}

TEST(PathGrants, SeveralFoldersFollowEachOther) {
  FileHost files(Speed::kAtOnce, {"/a", "/longer"});
  EXPECT_EQ(files.call("fd_prestat_dir_name", {4, 0x200, 7}), Errno::kSuccess);
  EXPECT_EQ(files.host->text(0x200, 7), "/longer");
  EXPECT_EQ(files.call("fd_prestat_dir_name", {4, 0x200, 6}), Errno::kNametoolong);
  EXPECT_EQ(files.call("fd_prestat_get", {5, kResult}), Errno::kBadf);
  EXPECT_EQ(files.open("file", {.create = true}), 5U) << "the lowest free number";
  EXPECT_EQ(files.call("fd_prestat_get", {5, kResult}), Errno::kBadf) << "opened, not handed over";
}

TEST(PathGrants, RenumberingOverAGrantReplacesIt) {
  FileHost files(Speed::kAtOnce, {"/a", "/b"});
  files.put_file("f", "text");
  const std::uint32_t file = files.open("f", {});
  EXPECT_EQ(files.call("fd_renumber", {file, 3}), Errno::kSuccess);
  EXPECT_EQ(files.read(3, 10), "text");
  EXPECT_EQ(files.path("path_unlink_file", "f", 3), Errno::kNotdir);
  EXPECT_EQ(files.call("fd_prestat_get", {3, kResult}), Errno::kBadf);
  EXPECT_EQ(files.call("fd_renumber", {4, 3}), Errno::kSuccess);
  EXPECT_EQ(files.path("path_unlink_file", "f", 3), Errno::kSuccess) << "the other grant moved";
  EXPECT_EQ(files.path("path_unlink_file", "f", 4), Errno::kBadf);
}

TEST(PathGrants, DescriptorsRunOut) {
  FileHost files;
  files.put_file("f", "text");
  Errno error = Errno::kSuccess;
  std::size_t opened = 0;
  while (error == Errno::kSuccess && opened < 2 * DescriptorTable::kMaxDescriptors) {
    error = files.try_open("f", {});
    ++opened;
  }
  EXPECT_EQ(error, Errno::kMfile);
  EXPECT_EQ(opened, DescriptorTable::kMaxDescriptors - 4 + 1);
  EXPECT_EQ(files.call("fd_close", {7}), Errno::kSuccess);
  EXPECT_EQ(files.open("f", {}), 7U);
}

}  // namespace
}  // namespace godwit::wasi
