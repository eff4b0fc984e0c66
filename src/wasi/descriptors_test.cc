// Descriptors, files and sockets: what a host that granted only streams answers.
#include <gtest/gtest.h>

#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

constexpr std::uint64_t kOut = 0x40;
constexpr std::uint64_t kStreams[] = {0, 1, 2};
constexpr std::uint64_t kBadDescriptors[] = {3, 4, 100, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};

TEST(Fdstat, StreamsLookLikePipesAndNotLikeTerminals) {
  TestHost host;
  for (const std::uint64_t fd : kStreams) {
    host.put(kOut, std::array<std::uint8_t, 32>{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF});
    ASSERT_EQ(host.call("fd_fdstat_get", {fd, kOut}), Errno::kSuccess);
    const auto stat = host.get<FdStat>(kOut);
    constexpr std::uint64_t kSeekAndTell = (1 << 2) | (1 << 5);
    EXPECT_EQ(stat.filetype, FileType::kUnknown) << "2 would be a terminal to isatty()";
    EXPECT_EQ(stat.flags, 0u);
    EXPECT_EQ(stat.rights_base & kSeekAndTell, 0u);
    EXPECT_EQ((stat.rights_base & right::kFdRead) != 0, fd == 0);
    EXPECT_EQ((stat.rights_base & right::kFdWrite) != 0, fd != 0);
    EXPECT_NE(stat.rights_base & right::kPollFdReadwrite, 0u);
    EXPECT_EQ(stat.rights_inheriting, 0u);
    EXPECT_EQ(stat.padding0, 0u);
    EXPECT_EQ(stat.padding1, 0u);
  }
}

TEST(Fdstat, FlagsAreKeptAndJudged) {
  TestHost host;
  EXPECT_EQ(host.call("fd_fdstat_set_flags", {0, kAllFdFlags}), Errno::kSuccess);
  ASSERT_EQ(host.call("fd_fdstat_get", {0, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<FdStat>(kOut).flags, kAllFdFlags);
  EXPECT_EQ(host.call("fd_fdstat_set_flags", {0, 1 << 5}), Errno::kInval);
  EXPECT_EQ(host.call("fd_fdstat_set_flags", {0, 0x10000 | kFdNonblock}), Errno::kInval);
  ASSERT_EQ(host.call("fd_fdstat_get", {0, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<FdStat>(kOut).flags, kAllFdFlags) << "unchanged";
}

TEST(Fdstat, RightsCanOnlyBeGivenUp) {
  TestHost host;
  EXPECT_EQ(host.call("fd_fdstat_set_rights", {0, ~0ULL, 0}), Errno::kNotcapable);
  EXPECT_EQ(host.call("fd_fdstat_set_rights", {0, right::kFdRead, 1}), Errno::kNotcapable);
  EXPECT_EQ(host.call("fd_fdstat_set_rights", {0, right::kFdRead, 0}), Errno::kSuccess);
  ASSERT_EQ(host.call("fd_fdstat_get", {0, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<FdStat>(kOut).rights_base, right::kFdRead);
  EXPECT_EQ(host.call("fd_fdstat_set_rights", {0, right::kFdRead | right::kFdFilestatGet, 0}),
            Errno::kNotcapable)
      << "no way back";
  EXPECT_EQ(host.call("fd_fdstat_set_flags", {0, kFdNonblock}), Errno::kNotcapable);
  EXPECT_EQ(host.call("fd_filestat_get", {0, kOut}), Errno::kNotcapable);
}

TEST(Filestat, TellsOnlyThatItIsThere) {
  TestHost host;
  host.put(kOut,
           std::array<std::uint64_t, 8>{~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL});
  ASSERT_EQ(host.call("fd_filestat_get", {1, kOut}), Errno::kSuccess);
  const auto words = host.get<std::array<std::uint64_t, 8>>(kOut);
  EXPECT_EQ(words, (std::array<std::uint64_t, 8>{0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(Filestat, Snapshot0HasAnotherLayout) {
  TestHost host;
  host.put(kOut,
           std::array<std::uint64_t, 8>{~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL});
  ASSERT_EQ(host.call("fd_filestat_get", {1, kOut}, snapshot0_functions()), Errno::kSuccess);
  const auto words = host.get<std::array<std::uint64_t, 8>>(kOut);
  EXPECT_EQ(words, (std::array<std::uint64_t, 8>{0, 0, 1ULL << 32, 0, 0, 0, 0, ~0ULL}));
}

TEST(Filestat, BadPointersAreFaults) {
  TestHost host;
  for (const std::string_view name : {"fd_fdstat_get", "fd_filestat_get"}) {
    const std::uint64_t record = name == "fd_fdstat_get" ? 24 : 64;
    EXPECT_EQ(host.call(name, {1, host.size() - record}), Errno::kSuccess);
    EXPECT_EQ(host.call(name, {1, host.size() - record + 1}), Errno::kFault);
    EXPECT_EQ(host.call(name, {1, host.size()}), Errno::kFault);
    EXPECT_EQ(host.call(name, {1, kNoPointer}), Errno::kFault);
    EXPECT_EQ(host.call(name, {1, kNoPointer - record + 1}), Errno::kFault);
  }
}

TEST(Close, ClosedIsBad) {
  TestHost host;
  EXPECT_EQ(host.call("fd_close", {1}), Errno::kSuccess);
  EXPECT_EQ(host.call("fd_close", {1}), Errno::kBadf);
  EXPECT_EQ(host.write(1, "x"), Errno::kBadf);
  EXPECT_EQ(host.call("fd_fdstat_get", {1, kOut}), Errno::kBadf);
  EXPECT_EQ(host.call("fd_seek", {1, 0, 0, kOut}), Errno::kBadf);
  EXPECT_EQ(host.write(2, "x"), Errno::kSuccess);
}

TEST(Renumber, MovesADescriptor) {
  TestHost host;
  ASSERT_EQ(host.call("fd_fdstat_set_flags", {2, kFdNonblock}), Errno::kSuccess);
  EXPECT_EQ(host.call("fd_renumber", {2, 1}), Errno::kSuccess);
  EXPECT_EQ(host.write(1, "moved"), Errno::kSuccess);
  EXPECT_EQ(host.error_output.text(), "moved");
  EXPECT_EQ(host.write(2, "x"), Errno::kBadf);
  ASSERT_EQ(host.call("fd_fdstat_get", {1, kOut}), Errno::kSuccess);
  EXPECT_EQ(host.get<FdStat>(kOut).flags, kFdNonblock);
}

TEST(Renumber, OntoItselfAndOntoNothing) {
  TestHost host;
  EXPECT_EQ(host.call("fd_renumber", {1, 1}), Errno::kSuccess);
  EXPECT_EQ(host.write(1, "still"), Errno::kSuccess);
  for (const std::uint64_t bad : kBadDescriptors) {
    EXPECT_EQ(host.call("fd_renumber", {1, bad}), Errno::kBadf);
    EXPECT_EQ(host.call("fd_renumber", {bad, 1}), Errno::kBadf);
    EXPECT_EQ(host.call("fd_renumber", {bad, bad}), Errno::kBadf);
  }
  EXPECT_EQ(host.write(1, " there"), Errno::kSuccess);
  EXPECT_EQ(host.output.text(), "still there");
}

TEST(Renumber, InputOntoOutput) {
  TestHost host;
  EXPECT_EQ(host.call("fd_renumber", {0, 1}), Errno::kSuccess);
  host.input.push("x");
  host.put(kOut, Iovec{0x100, 10});
  EXPECT_EQ(host.call("fd_read", {1, kOut, 1, 0x60}), Errno::kSuccess);
  EXPECT_EQ(host.write(1, "x"), Errno::kBadf);
}

// Every function with a descriptor: what it says of a stream, and EBADF for what is not open.
TEST(Files, StreamsAreNoFiles) {
  struct Case {
    std::string_view name;
    std::vector<std::uint64_t> rest;  // after the descriptor
    Errno of_stream;
  };
  const Case cases[] = {
      {"fd_advise", {0, 0, 0}, Errno::kSpipe},
      {"fd_advise", {0, 0, 6}, Errno::kInval},
      {"fd_allocate", {0, 1}, Errno::kSpipe},
      {"fd_datasync", {}, Errno::kInval},
      {"fd_sync", {}, Errno::kInval},
      {"fd_filestat_set_size", {0}, Errno::kInval},
      {"fd_filestat_set_times", {0, 0, kSetAtime | kSetMtimeNow}, Errno::kNotcapable},
      {"fd_filestat_set_times", {0, 0, kSetAtime | kSetAtimeNow}, Errno::kInval},
      {"fd_filestat_set_times", {0, 0, kSetMtime | kSetMtimeNow}, Errno::kInval},
      {"fd_filestat_set_times", {0, 0, 1 << 4}, Errno::kInval},
      {"fd_prestat_get", {kOut}, Errno::kBadf},
      {"fd_prestat_dir_name", {kOut, 10}, Errno::kBadf},
      {"fd_readdir", {kOut, 10, 0, kOut}, Errno::kNotdir},
      {"fd_seek", {0, 1, kOut}, Errno::kSpipe},
      {"fd_seek", {0, 3, kOut}, Errno::kInval},
      {"fd_tell", {kOut}, Errno::kSpipe},
      {"path_create_directory", {kOut, 1}, Errno::kNotdir},
      {"path_filestat_get", {0, kOut, 1, kOut}, Errno::kNotdir},
      {"path_filestat_set_times", {0, kOut, 1, 0, 0, 0}, Errno::kNotdir},
      {"path_open", {0, kOut, 1, 0, 0, 0, 0, kOut}, Errno::kNotdir},
      {"path_readlink", {kOut, 1, kOut, 1, kOut}, Errno::kNotdir},
      {"path_remove_directory", {kOut, 1}, Errno::kNotdir},
      {"path_unlink_file", {kOut, 1}, Errno::kNotdir},
      {"sock_accept", {0, kOut}, Errno::kNotsock},
      {"sock_recv", {kOut, 1, 0, kOut, kOut}, Errno::kNotsock},
      {"sock_send", {kOut, 1, 0, kOut}, Errno::kNotsock},
      {"sock_shutdown", {1}, Errno::kNotsock},
  };
  TestHost host;
  const auto call = [&](const Case& c, std::uint64_t fd) {
    std::vector<std::uint64_t> arguments = c.rest;
    arguments.insert(arguments.begin(), fd);
    for (const engine::HostFunction& function : preview1_functions()) {
      if (function.name != c.name) continue;
      EXPECT_EQ(function.parameters.size(), arguments.size()) << c.name;
      EXPECT_EQ(host.call_any(function, arguments), engine::HostStatus::kDone);
    }
    return static_cast<Errno>(host.result);
  };
  for (const Case& c : cases) {
    for (const std::uint64_t fd : kStreams) EXPECT_EQ(call(c, fd), c.of_stream) << c.name;
    for (const std::uint64_t fd : kBadDescriptors) EXPECT_EQ(call(c, fd), Errno::kBadf) << c.name;
  }
}

TEST(Files, PositionedReadsAndWritesSayThatItIsAPipe) {
  TestHost host;
  host.put(kOut, Iovec{0x100, 1});
  EXPECT_EQ(host.call("fd_pread", {0, kOut, 1, 0, 0x60}), Errno::kSpipe);
  EXPECT_EQ(host.call("fd_pread", {1, kOut, 1, 0, 0x60}), Errno::kBadf);
  EXPECT_EQ(host.call("fd_pwrite", {1, kOut, 1, 0, 0x60}), Errno::kSpipe);
  EXPECT_EQ(host.call("fd_pwrite", {2, kOut, 1, 0, 0x60}), Errno::kSpipe);
  EXPECT_EQ(host.call("fd_pwrite", {0, kOut, 1, 0, 0x60}), Errno::kBadf);
  EXPECT_EQ(host.call("fd_pwrite", {3, kOut, 1, 0, 0x60}), Errno::kBadf);
}

TEST(Files, PathsOfTwoDescriptors) {
  TestHost host;
  EXPECT_EQ(host.call("path_link", {1, 0, kOut, 1, 2, kOut, 1}), Errno::kNotdir);
  EXPECT_EQ(host.call("path_link", {3, 0, kOut, 1, 2, kOut, 1}), Errno::kBadf);
  EXPECT_EQ(host.call("path_link", {1, 0, kOut, 1, 3, kOut, 1}), Errno::kBadf);
  EXPECT_EQ(host.call("path_rename", {1, kOut, 1, 2, kOut, 1}), Errno::kNotdir);
  EXPECT_EQ(host.call("path_rename", {1, kOut, 1, 9, kOut, 1}), Errno::kBadf);
  EXPECT_EQ(host.call("path_symlink", {kOut, 1, 1, kOut, 1}), Errno::kNotdir);
  EXPECT_EQ(host.call("path_symlink", {kOut, 1, 5, kOut, 1}), Errno::kBadf);
}

TEST(Files, NoFolderIsOpenBeforehand) {
  TestHost host;
  EXPECT_EQ(host.call("fd_prestat_get", {3, kOut}), Errno::kBadf) << "wasi-libc stops here";
}

TEST(Files, Snapshot0SeekTakesItsThreeOrigins) {
  TestHost host;
  for (const std::uint64_t whence : {0, 1, 2}) {
    EXPECT_EQ(host.call("fd_seek", {0, 0, whence, kOut}, snapshot0_functions()), Errno::kSpipe);
  }
  EXPECT_EQ(host.call("fd_seek", {0, 0, 3, kOut}, snapshot0_functions()), Errno::kInval);
  EXPECT_EQ(host.call("fd_seek", {0, 0, 0xFFFFFFFF, kOut}, snapshot0_functions()), Errno::kInval);
}

}  // namespace
}  // namespace godwit::wasi
