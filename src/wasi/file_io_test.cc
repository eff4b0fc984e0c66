// fd_read, fd_write, fd_pread, fd_pwrite on files, at once and over another thread.
#include <string>

#include <gtest/gtest.h>

#include "wasi/test_files.h"

namespace godwit::wasi {
namespace {

class FileIo : public testing::TestWithParam<Speed> {
 protected:
  FileHost files_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Speeds, FileIo, testing::Values(Speed::kAtOnce, Speed::kBlocks));

constexpr std::uint64_t kIovec = FileHost::kIovec;
constexpr std::uint64_t kData = FileHost::kData;
constexpr std::uint64_t kResult = FileHost::kResult;

TEST_P(FileIo, ThePositionMovesWithReadsAndWrites) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  EXPECT_EQ(files_.write(fd, "hello "), Errno::kSuccess);
  EXPECT_EQ(files_.write(fd, "world"), Errno::kSuccess);
  EXPECT_EQ(files_.count(), 5U);
  EXPECT_EQ(files_.call("fd_tell", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<std::uint64_t>(kResult), 11U);
  EXPECT_EQ(files_.read(fd, 10), "");
  EXPECT_EQ(files_.call("fd_seek", {fd, 2, 0, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.read(fd, 3), "llo");
  EXPECT_EQ(files_.read(fd, 100), " world");
}

TEST_P(FileIo, PositionedTransfersLeaveThePosition) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  EXPECT_EQ(files_.write(fd, "0123456789"), Errno::kSuccess);
  files_.host->put_text(kData, "XY");
  files_.host->put(kIovec, Iovec{kData, 2});
  EXPECT_EQ(files_.call("fd_pwrite", {fd, kIovec, 1, 3, kResult}), Errno::kSuccess);
  files_.host->put(kIovec, Iovec{kData, 100});
  EXPECT_EQ(files_.call("fd_pread", {fd, kIovec, 1, 2, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->text(kData, files_.count()), "2XY56789");
  EXPECT_EQ(files_.call("fd_tell", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<std::uint64_t>(kResult), 10U);
}

TEST_P(FileIo, AllBuffersOfAListAreUsed) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  files_.host->put_text(kData, "abcdef");
  files_.host->put(kIovec, Iovec{kData, 1});
  files_.host->put(kIovec + 8, Iovec{kData, 0});
  files_.host->put(kIovec + 16, Iovec{kData + 1, 5});
  EXPECT_EQ(files_.call("fd_write", {fd, kIovec, 3, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.count(), 6U);
  files_.host->put(kIovec, Iovec{kData + 0x100, 2});
  files_.host->put(kIovec + 16, Iovec{kData + 0x200, 9});
  EXPECT_EQ(files_.call("fd_pread", {fd, kIovec, 3, 1, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.count(), 5U);
  EXPECT_EQ(files_.host->text(kData + 0x100, 2), "bc");
  EXPECT_EQ(files_.host->text(kData + 0x200, 3), "def");
}

// Larger than a piece of the host's buffer, with an odd offset.
TEST_P(FileIo, LargeTransfersPassWholly) {
  std::string text;
  for (int i = 0; text.size() < 200'001; ++i) text += std::to_string(i) + ",";
  const std::uint32_t fd = files_.open("a", {.create = true});
  EXPECT_EQ(files_.write(fd, text), Errno::kSuccess);
  EXPECT_EQ(files_.count(), text.size());
  EXPECT_EQ(files_.call("fd_seek", {fd, 1, 0, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.read(fd, text.size()), text.substr(1));
}

TEST_P(FileIo, AppendedBytesGoToTheEndWhereverThePositionIs) {
  files_.put_file("log", "one");
  const std::uint32_t fd = files_.open("log", {.flags = kFdAppend});
  const std::uint32_t other = files_.open("log", {.flags = kFdAppend});
  EXPECT_EQ(files_.write(fd, "two"), Errno::kSuccess);
  EXPECT_EQ(files_.write(other, "three"), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_seek", {fd, 0, 0, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.write(fd, "four"), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_tell", {fd, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<std::uint64_t>(kResult), 15U);
  EXPECT_EQ(files_.file_text("log"), "onetwothreefour");
}

TEST_P(FileIo, AppendModeCanBeLeft) {
  files_.put_file("log", "one");
  const std::uint32_t fd = files_.open("log", {.flags = kFdAppend});
  EXPECT_EQ(files_.call("fd_fdstat_set_flags", {fd, 0}), Errno::kSuccess);
  EXPECT_EQ(files_.write(fd, "ON"), Errno::kSuccess);
  EXPECT_EQ(files_.file_text("log"), "ONe");
}

TEST_P(FileIo, OpenModeDecides) {
  files_.put_file("a", "text");
  const std::uint32_t reader = files_.open("a", {.rights = right::kFdRead});
  EXPECT_EQ(files_.write(reader, "x"), Errno::kBadf);
  const std::uint32_t writer = files_.open("a", {.rights = right::kFdWrite});
  files_.host->put(kIovec, Iovec{kData, 1});
  EXPECT_EQ(files_.call("fd_read", {writer, kIovec, 1, kResult}), Errno::kBadf);
  EXPECT_EQ(files_.call("fd_pread", {writer, kIovec, 1, 0, kResult}), Errno::kBadf);
  EXPECT_EQ(files_.call("fd_fdstat_set_rights", {reader, 0, 0}), Errno::kSuccess);
  EXPECT_EQ(files_.call("fd_read", {reader, kIovec, 1, kResult}), Errno::kNotcapable);
}

TEST_P(FileIo, WhatWasWrittenBeforeItWasFullCounts) {
  FileHost small(GetParam(), {"/work"}, {16 << 10, 10});
  const std::uint32_t fd = small.open("a", {.create = true});
  EXPECT_EQ(small.write(fd, std::string(100'000, 'x')), Errno::kSuccess);
  EXPECT_GT(small.count(), 0U);
  EXPECT_LE(small.count(), std::uint32_t{16 << 10});
  EXPECT_EQ(small.write(fd, std::string(5000, 'x')), Errno::kNospc);
}

TEST_P(FileIo, BadPointersChangeNothing) {
  const std::uint32_t fd = files_.open("a", {.create = true});
  const std::uint64_t end = FileHost::kMemoryBytes;
  files_.host->put(kIovec, Iovec{static_cast<std::uint32_t>(end - 1), 2});
  EXPECT_EQ(files_.call("fd_write", {fd, kIovec, 1, kResult}), Errno::kFault);
  files_.host->put(kIovec, Iovec{kData, 2});
  EXPECT_EQ(files_.call("fd_write", {fd, kIovec, 1, end - 3}), Errno::kFault);
  EXPECT_EQ(files_.call("fd_pwrite", {fd, kIovec, 1, ~0ULL, kResult}), Errno::kFbig);
  EXPECT_EQ(files_.call("fd_pread", {fd, kIovec, 1, ~0ULL, kResult}), Errno::kInval);
  EXPECT_EQ(files_.call("fd_seek", {fd, 0, 2, kResult}), Errno::kSuccess);
  EXPECT_EQ(files_.host->get<std::uint64_t>(kResult), 0U) << "the file is empty";
}

// --- Waiting ------------------------------------------------------------------------------------

TEST(FileIoWaiting, NothingHappensTwiceWhenTheGuestIsWokenForAnotherReason) {
  FileHost files(Speed::kBlocks);
  const std::uint32_t fd = files.open("log", {.create = true, .flags = kFdAppend});
  files.host->put_text(kData, "once");
  files.host->put(kIovec, Iovec{kData, 4});
  const int before = files.host->blocking.started();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(files.host->start("fd_write", {fd, kIovec, 1, kResult}),
              engine::HostStatus::kPending);
  }
  EXPECT_EQ(files.host->blocking.started(), before + 1);
  EXPECT_EQ(files.call("fd_write", {fd, kIovec, 1, kResult}), Errno::kSuccess);
  EXPECT_EQ(files.file_text("log"), "once");
}

TEST(FileIoWaiting, AGuestThatEndsWhileItWaitsLeavesTheWorkAlone) {
  FileHost files(Speed::kBlocks);
  const std::uint32_t fd = files.open("a", {.create = true});
  files.host->put_text(kData, "x");
  files.host->put(kIovec, Iovec{kData, 1});
  EXPECT_EQ(files.host->start("fd_write", {fd, kIovec, 1, kResult}), engine::HostStatus::kPending);
  files.host->wasi.reset();
  EXPECT_FALSE(files.host->blocking.busy()) << "cancelled";
  EXPECT_EQ(files.host->blocking.disposed(), 1) << "the open file is closed where one may wait";
}

TEST(FileIoWaiting, FilesThatMayBlockAreClosedElsewhere) {
  FileHost files(Speed::kBlocks);
  const std::uint32_t fd = files.open("a", {.create = true});
  EXPECT_EQ(files.call("fd_close", {fd}), Errno::kSuccess);
  EXPECT_EQ(files.host->blocking.disposed(), 1);
  FileHost fast;
  EXPECT_EQ(fast.call("fd_close", {fast.open("a", {.create = true})}), Errno::kSuccess);
  EXPECT_EQ(fast.host->blocking.disposed(), 0);
}

TEST(FileIoWaiting, ManyTransfersInOneSliceGiveWay) {
  FileHost files;
  files.put_file("a", std::string(60'000, 'x'));
  const std::uint32_t fd = files.open("a", {});
  files.host->put(kIovec, Iovec{kData, 60'000});
  bool gave_way = false;
  for (int i = 0; i < 1000 && !gave_way; ++i) {
    gave_way =
        files.host->start("fd_pread", {fd, kIovec, 1, 0, kResult}) == engine::HostStatus::kPending;
  }
  EXPECT_TRUE(gave_way);
  EXPECT_EQ(files.host->blocking.started(), 0);
  EXPECT_EQ(files.call("fd_pread", {fd, kIovec, 1, 0, kResult}), Errno::kSuccess);
}

}  // namespace
}  // namespace godwit::wasi
